import type { Command, Request } from "../types.js";
import { mapTexts, parseTemplate, type Reference, type Scope, resolveTemplate, textOf, UnresolvedError } from "./references.js";
import type { CloudFormationStep, ScriptStep, Step, TerraformStep } from "./types.js";

/** One command of a step, and what its stdout says. */
export interface Action {
  command: Command;
  /** Makes the output of the step of what it printed. Without it stdout is JSON, or no output. */
  output?: (stdout: string) => unknown;
}

/** Puts values into the texts of a step. */
export type Fill = (text: string) => unknown;

/** Resolves references of the steps named. */
export function filler(steps: readonly string[], scope: Scope): Fill {
  return (text) => resolveTemplate(parseTemplate(text, steps, (message) => { throw new UnresolvedError(message); }), scope);
}

/** The same where it is not yet known what steps put out: what has no value is left as it is written. */
export function knownFiller(steps: readonly string[], scope: Scope): Fill {
  const known = (part: Reference) => {
    try {
      return part.source.kind === "execution" ? part.text : textOf(resolveTemplate([part], scope));
    } catch (error) {
      if (error instanceof UnresolvedError) return part.text;
      throw error;
    }
  };
  return (text) => parseTemplate(text, steps, () => undefined).map((p) => (typeof p === "string" ? p : known(p))).join("");
}

/** What a step runs, one after the other. Nothing for a nested playbook. */
export function actionsOf(step: Step, fill: Fill): Action[] {
  switch (step.type) {
    case "script":
      return [{ command: scriptOf(step.script!, fill) }];
    case "command":
      return [{ command: commandOf(step.command!, fill) }];
    case "terraform":
      return terraformOf(texts(step.terraform!, fill));
    case "cloudformation":
      return cloudformationOf(texts(step.cloudformation!, fill, "aws_cli"));
    case "playbook":
      return [];
  }
}

/** The fields of a step that each of its commands has. */
export function surroundings(step: Step, fill: Fill): Partial<Request> {
  const r: Partial<Request> = {};
  if (step.env) r.env = texts(step.env, fill);
  if (step.stdin !== undefined) r.stdin = textOf(fill(step.stdin));
  if (step.working_dir !== undefined) r.working_dir = textOf(fill(step.working_dir));
  if (step.timeout_seconds !== undefined) r.timeout_ms = Math.ceil(step.timeout_seconds * 1000);
  return r;
}

/** A command with its references resolved: all its texts but those that a shell or an interpreter reads. */
export function commandOf(command: Command, fill: Fill): Command {
  const { type, ...rest } = command;
  const literal = programText(command);
  const filled = mapTexts(rest, (text, pointer) => (literal?.pointer === pointer ? text : guard(type, text, textOf(fill(text)))));
  return { type, ...(filled as object) } as Command;
}

/** The field of a command that is a program. */
export function programText(command: Command): { pointer: string; text: string } | undefined {
  if (command.type === "shell") return { pointer: "/command", text: command.command };
  if (command.type === "script" && command.content !== undefined) return { pointer: "/content", text: command.content };
  return undefined;
}

/** The AWS CLI reads a file where an argument begins with file://, az where it begins with @: a value must not make them. */
function guard(type: Command["type"], written: string, value: string): string {
  const expands = type === "aws_cli" ? /^(file|fileb|https?):\/\//i : type === "az" ? /^@/ : undefined;
  if (expands?.test(value) && !expands.test(written)) {
    throw new UnresolvedError(`${written} is ${JSON.stringify(value)}, which ${type === "az" ? "az" : "the AWS CLI"} would take for the name of a file to read`);
  }
  return value;
}

function texts<T>(value: T, fill: Fill, type: Command["type"] = "exec"): T {
  return mapTexts(value, (text) => guard(type, text, textOf(fill(text)))) as T;
}

const programs = { bash: "bash", python: "python3", node: "node" } as const;

function scriptOf({ interpreter, content, path, args = [] }: ScriptStep, fill: Fill): Command {
  const common = { type: "script" as const, interpreter: programs[interpreter], args: texts([...args], fill) };
  return path === undefined ? { ...common, content: content ?? "" } : { ...common, path: textOf(fill(path)) };
}

function terraformOf({ dir, action = "apply", variables = {}, var_files = [], init_args = [] }: TerraformStep): Action[] {
  const terraform = { type: "terraform" as const, dir };
  const inputs = { variables, var_files: [...var_files] };
  const init: Action = { command: { ...terraform, subcommand: "init", args: ["-input=false", ...init_args] } };
  if (action === "plan") return [init, { command: { ...terraform, ...inputs, subcommand: "plan", args: ["-input=false"] } }];
  const change: Action = { command: { ...terraform, ...inputs, subcommand: action, args: ["-input=false"], auto_approve: true } };
  if (action === "destroy") return [init, change];
  return [init, change, { command: { ...terraform, subcommand: "output", args: ["-json"] }, output: outputsOfTerraform }];
}

/** `{name: {value, type, sensitive}}` as `{name: value}`. */
function outputsOfTerraform(stdout: string): unknown {
  const outputs = JSON.parse(stdout) as Record<string, { value: unknown }>;
  return Object.fromEntries(Object.entries(outputs).map(([name, o]) => [name, o.value]));
}

function cloudformationOf(c: CloudFormationStep): Action[] {
  const place = { ...(c.profile && { profile: c.profile }), ...(c.region && { region: c.region }) };
  const aws = (operation: string, ...args: string[]): Action => ({
    command: { type: "aws_cli", service: "cloudformation", operation, args: [...args, "--stack-name", c.stack_name], ...place },
  });
  if (c.action === "delete") return [aws("delete-stack"), aws("wait", "stack-delete-complete")];
  const overrides = Object.entries(c.parameters ?? {}).map(([key, value]) => `${key}=${value}`);
  const deploy = aws(
    "deploy",
    ...["--template-file", c.template_path ?? "", "--no-fail-on-empty-changeset"],
    ...(overrides.length ? ["--parameter-overrides", ...overrides] : []),
    ...(c.capabilities?.length ? ["--capabilities", ...c.capabilities] : []),
    ...(c.args ?? []),
  );
  return [deploy, { ...aws("describe-stacks", "--output", "json"), output: outputsOfStack }];
}

/** The outputs of the stack that was described, by their keys. */
function outputsOfStack(stdout: string): unknown {
  const { Stacks: [stack] = [] } = JSON.parse(stdout) as { Stacks?: { Outputs?: { OutputKey: string; OutputValue: string }[] }[] };
  return Object.fromEntries((stack?.Outputs ?? []).map((o) => [o.OutputKey, o.OutputValue]));
}

/** The JSON that a program printed: all of its stdout, or the last line that is an object. undefined: none. */
export function jsonOf(stdout: string): unknown {
  const candidates = [stdout, ...stdout.trimEnd().split("\n").slice(-1)];
  for (const text of candidates) {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null) return value;
    } catch {
      // it is something else
    }
  }
  return undefined;
}
