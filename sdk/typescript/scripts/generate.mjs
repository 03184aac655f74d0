// Writes src/wire.gen.ts: the messages of proto/ as TypeScript, in the JSON that the engine sends.
//
// protoc-gen-es writes camelCase names, 64-bit numbers as strings and imports of its runtime. The engine's JSON has
// the names of docs/types.md, the SDK has numbers, and the package depends on nothing: so this is a generator of ours.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const target = fileURLToPath(new URL("../src/wire.gen.ts", import.meta.url));
const version = /^BUF_VERSION := (.*)$/m.exec(readFileSync(`${root}/Makefile`, "utf8"))[1];
const image = JSON.parse(
  execFileSync(`${root}/.bin/buf-${version}`, ["build", "proto", "-o", "-#format=json"], { cwd: root, maxBuffer: 1 << 26 }),
);

// What the engine always writes, though proto3 knows no field that has to be there.
const always = {
  Execution: ["id", "status", "command_type", "command", "accepted_at", "duration", "duration_ms", "exit_code", "cursor"],
  Result: ["id", "status", "success", "cause", "exit_code", "stdout", "stderr", "output", "accepted_at", "completed_at", "duration", "duration_ms", "queued_ms", "usage", "cursor"],
  Counts: ["stdout_bytes", "stdout_lines", "stderr_bytes", "stderr_lines", "truncated"],
  Usage: ["user_ms", "system_ms", "peak_memory_bytes", "voluntary_switches", "involuntary_switches", "read_blocks", "write_blocks"],
  Survivor: ["pid", "command"],
  Event: ["event_type", "execution_id", "timestamp", "cursor"],
  Chunk: ["stream", "timestamp", "cursor"],
  Line: ["stream", "line_number", "cursor", "timestamp", "line"],
  Error: ["code", "message"],
  Stats: ["running", "queued", "finished", "accepted", "completed", "failed", "cancelled", "timeout", "rejected", "lost", "expired", "output_memory_bytes"],
  ExecuteRequest: ["command"],
  ExecuteResponse: ["id"],
  GetRequest: ["id"], WaitRequest: ["id"], ReadOutputRequest: ["id"], CancelRequest: ["id"], Position: ["id"],
  ExtendDeadlineRequest: ["id", "by_ms"], WriteStdinRequest: ["id", "data"], CloseStdinRequest: ["id"],
  ResizeRequest: ["id", "rows", "cols"], AddSecretsRequest: ["id", "secrets"], WatchRequest: ["executions"],
  GetResponse: ["execution"], StatsResponse: ["stats"], InfoResponse: ["version", "platform"],
  PlanResult: ["plan_id", "status", "results", "stats", "total_duration", "total_duration_ms"],
  PlanCommandResult: ["index", "of_plan", "name", "status", "success", "exit_code"],
  PlanStats: ["total", "completed", "failed", "cancelled", "timeout", "rejected", "lost", "skipped", "passed", "running", "pending", "attempts"],
  PlanStep: ["index", "of_plan", "name", "wave", "command_type", "command"], PlanFault: ["message"], CheckPlanRequest: ["request"],
  Failure: ["execution_id", "error"], LimitSupport: ["limit"],
};
// Texts with few values.
const values = {
  "Execution.status": "Status", "Result.status": "Status", "Event.old_status": "Status", "Event.new_status": "Status",
  "Result.cause": "Cause", "Event.event_type": "EventType", "Event.stream": "Stream", "Chunk.stream": "Stream",
  "PlanResult.status": "Status", "PlanCommandResult.status": "PlanState", "Event.command_status": "PlanState",
  "Line.stream": "Stream", "LineQuery.streams": "Stream", "Actor.kind": "ActorKind", "Filter.status": "Status",
  "ExecuteRequest.stop_signal": '"TERM" | "INT" | "HUP" | "QUIT" | "USR1" | "USR2"',
  "ExecuteRequest.kill_mode": '"group" | "leader"', "ExecuteRequest.leftovers": '"end" | "leave"',
  "ExecuteRequest.output_log_mode": '"append" | "overwrite"', "ExecuteRequest.redact": '"values"',
  "Limits.oversized_output_strategy": '"TruncateWithWarning" | "FailExecution" | "StreamToFile"',
};
const unions = `/** Where an execution is in its life; docs/types.md says what each means. */
export type Status =
  | "pending" | "awaiting_approval" | "running"
  | "completed" | "failed" | "cancelled" | "timeout" | "rejected" | "lost";
/** Why an execution ended. */
export type Cause =
  | "exit" | "signal" | "spawn" | "output_limit" | "memory_limit" | "process_limit" | "cancel" | "shutdown"
  | "timeout" | "idle_timeout" | "queue_timeout" | "policy" | "lost" | "commands";
/** How far a command of a plan is: its execution's status, or what the plan has decided. */
export type PlanState = Status | "skipped" | "passed" | "retrying";
/** The kind of an event. */
export type EventType =
  | "accepted" | "status_changed" | "started" | "stdout" | "stderr" | "stopping" | "killing" | "resized"
  | "deadline_extended" | "gap" | "completed" | "failed" | "cancelled" | "timeout" | "rejected" | "lost"
  | "progress" | "missed";
/** One of the two streams of a command. On a terminal there is stdout alone. */
export type Stream = "stdout" | "stderr";
/** What kind of actor asks. */
export type ActorKind = "human" | "agent" | "schedule" | "service";
`;

// What is sent and never comes back: a request takes its numbers as they are.
const asked = /Request$|^(Limits|Filter|LineQuery|Position)$/;
const wide = new Set(["TYPE_INT64", "TYPE_UINT64", "TYPE_SINT64", "TYPE_FIXED64", "TYPE_SFIXED64"]);
const scalars = { TYPE_STRING: "string", TYPE_BYTES: "string", TYPE_BOOL: "boolean" };
const wideNames = new Set();
const textNames = new Set();
const mapNames = new Set();

const comment = (text, indent) => {
  const lines = (text ?? "").trim().split("\n").map((l) => l.trim()).filter(Boolean);
  if (lines.length === 0) return "";
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((l) => `${indent} * ${l}\n`).join("")}${indent} */\n`;
};

function typeOf(message, field) {
  const named = values[`${message.name}.${field.name}`];
  if (named) return named;
  if (field.typeName === ".google.protobuf.Timestamp") return "string";
  if (field.typeName === ".google.protobuf.Struct") return "Record<string, unknown>";
  if (field.type === "TYPE_MESSAGE") return field.typeName.split(".").pop();
  return scalars[field.type] ?? "number";
}

function fieldOf(message, field, doc) {
  const repeated = field.label === "LABEL_REPEATED";
  const entry = (message.nestedType ?? []).find((n) => field.typeName?.endsWith(`.${message.name}.${n.name}`));
  if (wide.has(field.type) && !asked.test(message.name)) wideNames.add(field.name);
  if (field.type === "TYPE_STRING" && !repeated) textNames.add(field.name);
  let type = typeOf(message, field);
  if (entry?.options?.mapEntry) {
    if (!asked.test(message.name) && message.name !== "Command") mapNames.add(field.name);
    type = `Record<string, ${typeOf(entry, entry.field[1])}>`;
  } else if (repeated) type = `${type.includes("|") ? `(${type})` : type}[]`;
  if (field.type === "TYPE_BYTES") doc = `${doc ?? ""}\nIn base64.`;
  const optional = (always[message.name] ?? []).includes(field.name) ? "" : "?";
  return `${comment(doc, "  ")}  ${field.name}${optional}: ${type};\n`;
}

function messages(file) {
  const docs = new Map((file.sourceCodeInfo?.location ?? []).map((l) => [(l.path ?? []).join("."), l.leadingComments]));
  return (file.messageType ?? []).map((message, m) => {
    const fields = (message.field ?? []).map((field, f) => fieldOf(message, field, docs.get(`4.${m}.2.${f}`)));
    const name = `export interface ${message.name} {`;
    return `${comment(docs.get(`4.${m}`) ?? `The JSON of ${message.name}.`, "")}${name}${fields.length ? `\n${fields.join("")}` : ""}}\n`;
  });
}

const files = image.file.filter((f) => f.name.startsWith("cloudops/"));
const all = files.flatMap(messages);
const service = files.flatMap((f) => f.service ?? [])[0];
// Most end alike: half the bytes of a list.
const endings = /(?:_ms|_switches|_blocks|bytes|lines)$/;
const others = [...wideNames].filter((n) => !endings.test(n)).sort();
const clash = [...textNames].filter((n) => wideNames.has(n) || endings.test(n));
if (clash.length) throw new Error(`text in one message, and as if 64 bits wide in another: ${clash}. decode() goes by name.`);

const calls = (stream) =>
  service.method
    .filter((m) => Boolean(m.serverStreaming) === stream)
    .map((m) => `  ${m.name}: [${m.inputType.split(".").pop()}, ${m.outputType.split(".").pop()}];\n`)
    .join("");
writeFileSync(
  target,
  `// Written by scripts/generate.mjs from proto/cloudops/v1. Do not edit: npm run generate.
/* eslint-disable */

${unions}
${all.join("\n")}
/** The verbs that are answered once: what each takes and gives. */
export interface UnaryMethods {
${calls(false)}}

/** The verbs that are answered by a stream. */
export interface StreamMethods {
${calls(true)}}

/** Fields that are 64 bits wide: text in proto JSON, numbers here. */
export const wideFields: RegExp = /${endings.source}|^(?:${others.join("|")})$/;

/** Fields whose keys are the caller's own. */
export const mapFields: ReadonlySet<string> = /* @__PURE__ */ new Set(${JSON.stringify([...mapNames].sort())});
`,
);
