import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEngine, type Engine } from "../src/index.js";
import { socketTransport } from "../src/node/index.js";
import { parsePlaybook, type Playbook, type PlaybookEvent, PlaybookError, runPlaybook, type RunPlaybookOptions, type Step } from "../src/playbook/index.js";
import { type Daemon, serve } from "./daemon.js";
import { serveRds } from "./rds.js";

let daemon: Daemon;
let engine: Engine;
let dir: string;

beforeAll(async () => {
  daemon = await serve();
  engine = createEngine({ transport: socketTransport(daemon.socket) });
  dir = mkdtempSync(join(tmpdir(), "playbook-"));
});
afterAll(async () => {
  await engine?.close();
  await daemon?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const playbook = (steps: Step[], more: Partial<Playbook> = {}): Playbook => ({ schema_version: "2.0.0", metadata: { playbook_id: "p", name: "P" }, steps, ...more });
const bash = (name: string, content: string, more: Partial<Step> = {}): Step => ({ name, type: "script", script: { interpreter: "bash", content }, ...more });

/** Runs it to its end, and returns the report and what happened on the way. */
async function run(p: Playbook, options: RunPlaybookOptions = {}) {
  const running = runPlaybook(engine, p, options);
  const events: PlaybookEvent[] = [];
  for await (const event of running.events()) events.push(event);
  return { report: await running.result, events };
}

/** How often a script that appends a byte to a file has run. */
const times = (file: string) => readFileSync(join(dir, file), "utf8").length;

describe("steps", () => {
  test("run one after the other, and hand on what they print as JSON", async () => {
    const { report, events } = await run(
      playbook([
        bash("find", `echo looking; echo '{"ids":["i-1","i-2"],"n":2}'`),
        { name: "use", type: "command", command: { type: "exec", program: "printf", args: ["%s|%s|%s", "${find.output.ids[1]}", "${step1.output.n}", "${find.output.ids}"] } },
      ]),
    );
    expect(report.status).toBe("completed");
    const { stdout } = await engine.executions.get(report.steps_executed[1]!.executions[0]!).result();
    expect(stdout).toBe('i-2|2|["i-1","i-2"]');
    expect(events.map((e) => e.type)).toEqual([
      "playbook_started",
      ...["playbook_step_start", "playbook_step_execution", "playbook_step_complete"],
      ...["playbook_step_start", "playbook_step_execution", "playbook_step_complete"],
      "playbook_complete",
    ]);
    expect(events[4]).toMatchObject({ stepId: "use", stepNumber: 2, totalSteps: 2, command: "printf %s|%s|%s ${find.output.ids[1]} ${step1.output.n} ${find.output.ids}" });
  });

  test("stop at a failure, which is told with the end of its output", async () => {
    const { report } = await run(playbook([bash("a", "echo before; echo went wrong >&2; exit 4"), bash("b", "true")]));
    expect(report).toMatchObject({ status: "failed", failed_at_step: "a", error: { code: "exit", message: "exit code 4: went wrong", raw_output: "went wrong\n" } });
    expect(report.steps_executed.map((s) => s.status)).toEqual(["failed", "skipped"]);
  });

  test("go on behind one that may fail", async () => {
    const { report } = await run(playbook([bash("a", "exit 1", { continue_on_error: true }), bash("b", "exit 1", { failure_action: "ignore" }), bash("c", "true")]));
    expect(report.status).toBe("completed");
    expect(report.steps_executed.map((s) => s.status)).toEqual(["ignored", "ignored", "completed"]);
  });

  test("are tried again by exit code or by what they say on stderr, and else not", async () => {
    const retry = (file: string, fail: string, retry_config: Step["retry_config"]) =>
      bash("a", `printf x >>${file}; [ $(wc -c <${file}) -ge 3 ] || { ${fail}; }`, { working_dir: dir, retry_config: { backoff_seconds: [0.01], ...retry_config } });
    const byCode = await run(playbook([retry("code", "exit 75", { retry_on_exit_codes: [75] })]));
    expect([byCode.report.status, byCode.report.steps_executed[0]!.attempts, times("code")]).toEqual(["completed", 3, 3]);
    const byText = await run(playbook([retry("text", "echo Throttling >&2; exit 1", { retry_on_errors: ["^Throttl"], max_attempts: 2 })]));
    expect([byText.report.status, times("text")]).toEqual(["failed", 2]);
    expect(byText.events.find((e) => e.type === "playbook_step_retry")).toMatchObject({ attempt: 2, delaySeconds: 0.01, error: "exit code 1: Throttling" });
    await run(playbook([retry("other", "exit 1", { retry_on_exit_codes: [75] })]));
    expect(times("other")).toBe(1);
  });

  test("of a graph run as soon as what they need has ended", async () => {
    const meet = (mine: string, other: string) => `touch ${mine}; until [ -e ${other} ]; do sleep 0.01; done; echo '{"at":"${mine}"}'`;
    const { report } = await run(
      playbook([
        bash("join", 'echo "{\\"got\\":\\"$1$2\\"}"', { depends_on: ["left", 3], script: { interpreter: "bash", content: 'echo "{\\"got\\":\\"$1$2\\"}"', args: ["${left.output.at}", "${right.output.at}"] } }),
        bash("left", meet("l", "r"), { working_dir: dir, depends_on: [] }),
        bash("right", meet("r", "l"), { working_dir: dir }),
      ]),
    );
    expect(report.steps_executed[0]).toMatchObject({ status: "completed", output: { got: "lr" } });
  });

  test("check before and behind, and poll until it holds", async () => {
    const probe = { type: "shell", shell: "sh", command: 'printf x >>polled; printf \'{"state":"s%s"}\' $(wc -c <polled)' } as const;
    const { report, events } = await run(
      playbook([
        bash("a", `echo '{"id":"i-7"}'`, {
          working_dir: dir,
          pre_validation: { checks: [{ type: "parameter_exists", parameter: "p" }] },
          post_validation: {
            checks: [{ type: "output_format", field: "id", pattern: "^i-\\d$" }, { type: "state_value_check", command: probe, field: "state", one_of: ["s3", "${playbook.p}"] }],
            polling: { interval_seconds: 0.01, max_attempts: 100 },
          },
        }),
        bash("b", "true", { pre_validation: { checks: [{ type: "previous_step_output_exists", step: "a", field: "arn" }] } }),
      ], { parameters: [{ name: "p", default: "other" }] }),
    );
    expect(times("polled")).toBe(3);
    expect(events.filter((e) => e.type === "playbook_check" && e.check === "state_value_check").map((e) => e.type === "playbook_check" && e.message)).toEqual([
      'it does not hold that state is "s3" or "other" (it is "s1")',
      'it does not hold that state is "s3" or "other" (it is "s2")',
      'state is "s3" or "other"',
    ]);
    expect(report).toMatchObject({ failed_at_step: "b", error: { code: "validation", message: "before it ran: it does not hold that the step a put out arn" } });
    expect(report.steps_executed[1]!.executions).toEqual([]);
  });

  test("have to put out what they say that they do", async () => {
    const { report } = await run(playbook([bash("a", `echo '{"n":"1"}'`, { outputs: [{ name: "n", type: "number" }] })]));
    expect(report.error).toMatchObject({ code: "output", message: "it put out n as something else than a number" });
  });

  test("that the engine refuses, or that time out, say so", async () => {
    const missing = await run(playbook([{ name: "a", type: "command", command: { type: "exec", program: "no-such-program" } }]));
    expect(missing.report.error).toMatchObject({ code: "refused", message: expect.stringContaining("program_not_found") });
    const late = await run(playbook([bash("a", "sleep 100", { timeout_seconds: 0.1 })]));
    expect(late.report.error!.code).toBe("timeout");
  });
});

test("a hundred hostile values arrive as they are, as argument, variable and stdin", async () => {
  const pieces = ["'", '"', "`id`", "$(id)", "${HOME}", "\n", "\\", "-rf", "--", ";", "&&", "|", ">", "*", "~", "#", "%s", "\t", "é", "😀", "{{x}}", "$${", "!", "=", ","];
  const values = Array.from({ length: 100 }, (_, i) => (i < 25 ? pieces[i]! : `${pieces[i % 25]}${pieces[(i * 7) % 25]} ${pieces[(i * 11) % 25]}`));
  const names = values.map((_, i) => `v${i}`);
  const echo = "import json,os,sys\nprint(json.dumps({'argv':sys.argv[1:],'env':[os.environ[f'V{i}'] for i in range(100)],'stdin':sys.stdin.buffer.read().decode()}))";
  const step: Step = {
    name: "echo",
    type: "script",
    script: { interpreter: "python", content: echo, args: names.flatMap((n) => [`{{${n}}}`, `a\${playbook.${n}}b`]) },
    env: Object.fromEntries(names.map((n) => [n.toUpperCase(), `{{${n}}}`])),
    stdin: names.map((n) => `\${playbook.${n}}`).join("\0"),
  };
  const p = playbook([step], { parameters: names.map((name) => ({ name, required: true })) });
  const { report } = await run(p, { parameters: Object.fromEntries(names.map((n, i) => [n, values[i]])) });
  expect(report.error).toBeUndefined();
  expect(report.steps_executed[0]!.output).toEqual({ argv: values.flatMap((v) => [v, `a${v}b`]), env: values, stdin: values.join("\0") });
});

describe("a run", () => {
  test("is paused between steps, goes on, and tells late listeners all of it", async () => {
    const running = runPlaybook(engine, playbook([bash("a", "true"), bash("b", "true")]));
    running.pause();
    expect(running.status).toBe("paused");
    running.resume();
    const report = await running.result;
    expect(running.status).toBe("completed");
    const events: string[] = [];
    for await (const event of running.events()) events.push(event.type);
    expect(events.slice(0, 3)).toEqual(["playbook_paused", "playbook_resumed", "playbook_started"]);
    expect(events.at(-1)).toBe("playbook_complete");
    expect(report.status).toBe("completed");
  });

  test("is cancelled with what runs", async () => {
    const running = runPlaybook(engine, playbook([bash("a", "sleep 1000"), bash("b", "true")]));
    for await (const event of running.events()) {
      if (event.type === "playbook_step_execution") running.cancel();
    }
    const report = await running.result;
    expect(report.steps_executed.map((s) => s.status)).toEqual(["cancelled", "skipped"]);
    expect(report.status).toBe("cancelled");
    expect((await engine.executions.get(report.steps_executed[0]!.executions[0]!).describe()).status).toBe("cancelled");
  });

  test("is cancelled by a signal, also before it began", async () => {
    expect((await run(playbook([bash("a", "sleep 1000")]), { signal: AbortSignal.abort() })).report.status).toBe("cancelled");
  });

  test("goes on where it failed, and does not run again what ended well", async () => {
    const p = playbook([
      bash("a", `printf x >>once; echo '{"v":"kept"}'`, { working_dir: dir }),
      { name: "b", type: "script", script: { interpreter: "bash", content: '[ -e mended ] && echo "{\\"v\\":\\"$1\\"}"', args: ["${a.output.v}"] }, working_dir: dir },
    ]);
    const first = (await run(p)).report;
    expect(first.failed_at_step).toBe("b");
    writeFileSync(join(dir, "mended"), "");
    const stored = JSON.parse(JSON.stringify(first)) as typeof first;
    const second = (await run(p, { resume: stored })).report;
    expect(second).toMatchObject({ status: "completed", execution_id: first.execution_id });
    expect(second.steps_executed[1]!.output).toEqual({ v: "kept" });
    expect(times("once")).toBe(1);
    const other = playbook([bash("z", "true")]);
    expect(() => runPlaybook(engine, other, { resume: stored })).toThrow(PlaybookError);
  });

  test("runs playbooks in playbooks", async () => {
    const inner: Playbook = { ...playbook([{ name: "greet", type: "script", script: { interpreter: "bash", content: 'echo "{\\"said\\":\\"hi $1\\"}"', args: ["{{who}}"] } }]), metadata: { playbook_id: "inner", name: "I" }, parameters: [{ name: "who", required: true, validation: { max_length: 5 } }] };
    const outer = (who: string) =>
      playbook([
        bash("find", `echo '{"who":"${who}"}'`),
        { name: "nested", type: "playbook", playbook: { playbook_id: "inner", parameters: { who: "${find.output.who}" } } },
        bash("after", "true", { pre_validation: { checks: [{ type: "previous_step_output_exists", step: 2, field: "greet.said" }] } }),
      ]);
    const { report, events } = await run(outer("Ada"), { playbooks: [inner] });
    expect(report.steps_executed[1]!.output).toEqual({ greet: { said: "hi Ada" } });
    expect(events.filter((e) => e.type === "playbook_nested").map((e) => e.type === "playbook_nested" && e.event.type)).toContain("playbook_step_complete");
    expect((await run(outer("Leopold"), { playbooks: [inner] })).report.error).toEqual({ code: "playbook", message: "/parameters/who: is longer than 5" });
  });

  test("masks secrets wherever they would be seen", async () => {
    const p = playbook([{ name: "a", type: "command", command: { type: "exec", program: "echo", args: ["{{password}}"] } }], { parameters: [{ name: "password", secret: true, required: true }] });
    const { report, events } = await run(p, { parameters: { password: "correct horse battery" } });
    const told = await engine.executions.get(report.steps_executed[0]!.executions[0]!).result();
    expect(told.stdout).toBe("[REDACTED]\n");
    expect(JSON.stringify([report, events, told])).not.toContain("horse");
  });
});

/** Whether a program is here. What needs it is skipped, and listed as such. */
function has(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!has("terraform"))("terraform is initialised, applied, and its outputs are the step's", async () => {
  writeFileSync(join(dir, "main.tf"), 'variable "who" { type = string }\noutput "greeting" { value = "hi ${var.who}" }\n');
  const p = playbook([{ name: "infra", type: "terraform", terraform: { dir, variables: { who: "{{who}}" } } }], { parameters: [{ name: "who", required: true }] });
  const who = `$(id) "x" \${y} -auto`;
  const { report } = await run(p, { parameters: { who } });
  expect(report.error).toBeUndefined();
  expect(report.steps_executed[0]).toMatchObject({ status: "completed", output: { greeting: `hi ${who}` } });
  expect(report.steps_executed[0]!.executions).toHaveLength(3);
});

describe.skipIf(!has("aws"))("the playbook that takes a snapshot and stops a database, with the AWS CLI", () => {
  const rdsPlaybook = parsePlaybook(readFileSync(new URL("../../../examples/playbooks/rds-snapshot-then-stop.json", import.meta.url), "utf8"));
  const parameters = { instance: "db-1", snapshot: "before-stop" };

  test("waits for the snapshot, and stops", async () => {
    await using rds = await serveRds();
    rds.throttles = 1;
    const { report } = await run(rdsPlaybook, { parameters, defaults: { env: rds.env } });
    expect(report.error).toBeUndefined();
    expect(report.steps_executed.map((s) => [s.name, s.status, s.attempts])).toEqual([["snapshot", "completed", 2], ["stop", "completed", 1]]);
    expect(rds.calls).toEqual([
      ...["DescribeDBInstances", "CreateDBSnapshot", "DescribeDBInstances", "CreateDBSnapshot"],
      ...["DescribeDBSnapshots", "DescribeDBSnapshots", "DescribeDBSnapshots", "StopDBInstance"],
    ]);
  });

  test("leaves alone what is stopped already", async () => {
    await using rds = await serveRds();
    rds.instance = "stopped";
    const { report } = await run(rdsPlaybook, { parameters, defaults: { env: rds.env } });
    expect(report).toMatchObject({ failed_at_step: "snapshot", error: { code: "validation", message: expect.stringContaining('(it is "stopped")') } });
    expect(rds.calls).toEqual(["DescribeDBInstances"]);
  });
});
