import { actionsOf, knownFiller, programText } from "./actions.js";
import { at, checkShape, Faults, nearest } from "./check.js";
import { orderOf, reach } from "./graph.js";
import { bind, checkParameters, compile, secretsOf } from "./parameters.js";
import { dig, mapTexts, parseTemplate, type Reference, type Template } from "./references.js";
import { playbookSchema } from "./schema.js";
import type { Playbook, Step, Validation } from "./types.js";

/** What a playbook is run with. */
export interface PlaybookInputs {
  /** By name. */
  parameters?: Record<string, unknown>;
  /** What `${estate.…}` refers to. */
  estate?: Record<string, unknown>;
  /** The playbooks that steps may name. */
  playbooks?: readonly Playbook[];
}

/** How deep playbooks may stand in playbooks. */
export const maxDepth = 5;

/** A playbook that may run: nothing is wrong with it that can be known before. */
export interface Prepared {
  playbook: Playbook;
  parameters: Record<string, unknown>;
  secrets: readonly string[];
  /** For each step the steps that have to end before, by index. */
  before: readonly (readonly number[])[];
  /** The playbooks of steps of that type, by index. */
  nested: ReadonlyMap<number, Prepared>;
  maxConcurrency: number;
}

/** Checks a playbook and its values, and throws a PlaybookError with all that is wrong. */
export function prepare(playbook: unknown, inputs: PlaybookInputs = {}): Prepared {
  const faults = new Faults();
  const document = checkDocument(playbook, faults);
  const parameters = document && bind(document, inputs.parameters ?? {}, faults);
  const prepared = document && connect(document, parameters, inputs, faults);
  faults.throw();
  checkCommands(prepared!, inputs.estate ?? {}, faults);
  faults.throw();
  return prepared!;
}

/** Makes the commands of all steps, as far as their values are known: what would be refused at its turn is refused now. */
function checkCommands({ playbook, parameters }: Prepared, estate: Record<string, unknown>, faults: Faults): void {
  const scope = { parameters, estate, execution: { id: "", timestamp: "" }, outputs: new Map() };
  const fill = knownFiller(playbook.steps.map((s) => s.name), scope);
  playbook.steps.forEach((step, i) => {
    try {
      actionsOf(step, fill);
    } catch (error) {
      faults.add(`/steps/${i}/${step.type}`, (error as Error).message);
    }
  });
}

/** The part that needs no values: the form, the parameters, and what steps say of each other. */
export function checkPlaybook(playbook: unknown, playbooks: readonly Playbook[] = []): asserts playbook is Playbook {
  const faults = new Faults();
  const document = checkDocument(playbook, faults);
  if (document) connect(document, undefined, { playbooks }, faults);
  faults.throw();
}

/** A document of the right form. Of another nothing else can be said. */
function checkDocument(playbook: unknown, faults: Faults): Playbook | undefined {
  const before = faults.list.length;
  checkShape(playbook, playbookSchema, playbookSchema, faults);
  if (faults.list.length > before) return undefined;
  const document = playbook as Playbook;
  checkParameters(document, faults);
  return document;
}

function connect(playbook: Playbook, parameters: Record<string, unknown> | undefined, inputs: PlaybookInputs, faults: Faults, above: readonly string[] = []): Prepared {
  const names = playbook.steps.map((s) => s.name);
  const nested = new Map<number, Prepared>();
  playbook.steps.forEach((step, i) => checkStep(step, i, names, faults));
  const before = orderOf(playbook, names, faults);
  const ancestors = before.map((_, i) => reach(before, i));
  playbook.steps.forEach((step, i) => {
    checkReferences(playbook, i, ancestors[i]!, names, { parameters, estate: inputs.estate }, faults);
    const inner = step.type === "playbook" && step.playbook ? nestedIn(playbook, step, i, inputs, faults, above) : undefined;
    if (inner) nested.set(i, inner);
  });
  const graph = playbook.steps.some((s) => s.depends_on);
  const bound = parameters ?? {};
  return { playbook, parameters: bound, secrets: secretsOf(playbook, bound), before, nested, maxConcurrency: graph ? (playbook.max_concurrency ?? 10) : 1 };
}

function checkStep(step: Step, index: number, names: readonly string[], faults: Faults): void {
  const pointer = `/steps/${index}`;
  if (step.step_number !== undefined && step.step_number !== index + 1) faults.add(at(pointer, "step_number"), `it is step ${index + 1}`);
  if (names.indexOf(step.name) !== index) faults.add(at(pointer, "name"), `there are two steps ${step.name}`);
  if (/^step\d+$|^(playbook|parent|estate|execution)$/.test(step.name)) faults.add(at(pointer, "name"), `${step.name} means something else in references`);
  for (const kind of ["script", "command", "terraform", "cloudformation", "playbook"] as const) {
    if ((step.type === kind) !== (step[kind] !== undefined)) {
      faults.add(at(pointer, kind), step.type === kind ? `a step of type ${kind} needs it` : `belongs to a step of type ${kind}, and this is of type ${step.type}`);
    }
  }
  const { script, cloudformation } = step;
  if (script && (script.content === undefined) === (script.path === undefined)) faults.add(`${pointer}/script`, "needs either content or path");
  if (cloudformation && cloudformation.action !== "delete" && !cloudformation.template_path) {
    faults.add(`${pointer}/cloudformation/template_path`, "deploy needs it");
  }
  step.retry_config?.retry_on_errors?.forEach((pattern, i) => {
    const wrong = compile(pattern);
    if (wrong instanceof Error) faults.add(`${pointer}/retry_config/retry_on_errors/${i}`, wrong.message);
  });
  for (const phase of ["pre_validation", "post_validation"] as const) checkValidation(step[phase], `${pointer}/${phase}`, faults);
}

/** The fields that each kind of check needs. */
const needs = {
  parameter_exists: ["parameter"],
  previous_step_output_exists: ["step"],
  output_variables_exist: ["fields"],
  output_format: ["field", "pattern"],
  state_value_check: ["command", "field"],
  instance_state: ["command", "field"],
  snapshot_state: ["command", "field"],
  permission_check: ["command"],
} as const;

function checkValidation(validation: Validation | undefined, pointer: string, faults: Faults): void {
  validation?.checks.forEach((check, i) => {
    const here = `${pointer}/checks/${i}`;
    for (const field of needs[check.type]) {
      if (check[field] === undefined) faults.add(at(here, field), `a check of type ${check.type} needs it`);
    }
    if (check.type.endsWith("_state") || check.type === "state_value_check") {
      if (check.equals === undefined && !check.one_of) faults.add(at(here, "equals"), "a check of a state needs equals or one_of");
    }
    const wrong = compile(check.pattern);
    if (wrong instanceof Error) faults.add(at(here, "pattern"), wrong.message);
  });
}

type Known = { parameters: Record<string, unknown> | undefined; estate: Record<string, unknown> | undefined };

function checkReferences(playbook: Playbook, index: number, ancestors: ReadonlySet<number>, names: readonly string[], known: Known, faults: Faults): void {
  const step = playbook.steps[index]!;
  const parameters = (playbook.parameters ?? []).map((p) => p.name);
  const wrongOf = ({ source, path, text }: Reference, own: boolean): string | undefined => {
    if (source.kind === "parameter" && !parameters.includes(source.name)) {
      return `${text}: the playbook has no parameter ${source.name}${nearest(source.name, parameters)}`;
    }
    if (source.kind === "parameter" && known.parameters && known.parameters[source.name] === undefined) {
      return `${text}: nothing was given for the parameter ${source.name}, and it has no default`;
    }
    if (source.kind === "estate" && known.estate && dig(known.estate, path) === undefined) {
      return `${text}: there is nothing in the estate`;
    }
    if (source.kind !== "output") return undefined;
    const from = names.indexOf(source.step);
    return ancestors.has(from) || (own && from === index) ? undefined : `${text}: the step ${source.step} does not have to end before ${step.name}`;
  };
  const look = (value: unknown, pointer: string, own: boolean) =>
    mapTexts(value, (text, below) => {
      const place = pointer + below;
      for (const part of templateOf(text, names, place, faults)) {
        const wrong = typeof part === "object" ? wrongOf(part, own) : undefined;
        if (wrong) faults.add(place, wrong);
      }
    });
  for (const [field, value, own] of referring(step)) look(value, `/steps/${index}/${field}`, own);
  for (const [pointer, text] of programs(step)) checkProgram(text, `/steps/${index}${pointer}`, parameters, faults);
}

function templateOf(text: string, names: readonly string[], pointer: string, faults: Faults): Template {
  return parseTemplate(text, names, (message) => faults.add(pointer, message));
}

/** The fields of a step in which references mean something, without programs; and whether the step's own output is there. */
function referring(step: Step): [field: string, value: unknown, own: boolean][] {
  const { script, command, terraform, cloudformation, playbook, env, stdin, working_dir } = step;
  const checks = (v: Validation | undefined) => v?.checks.map((c) => ({ ...c, pattern: undefined, description: undefined, command: c.command && withoutProgram(c.command) }));
  return [
    ["script", script && { ...script, content: undefined }, false],
    ["command", command && withoutProgram(command), false],
    ["terraform", terraform, false],
    ["cloudformation", cloudformation, false],
    ["playbook/parameters", playbook?.parameters, false],
    ["env", env, false],
    ["stdin", stdin, false],
    ["working_dir", working_dir, false],
    ["pre_validation/checks", checks(step.pre_validation), false],
    ["post_validation/checks", checks(step.post_validation), true],
  ];
}

function withoutProgram<T extends NonNullable<Step["command"]>>(command: T): object {
  const program = programText(command);
  return program ? { ...command, [program.pointer.slice(1)]: undefined } : command;
}

/** The texts of a step that a shell or an interpreter reads, by their pointers. */
function programs(step: Step): [pointer: string, text: string][] {
  const found: [string, string][] = [];
  const add = (pointer: string, command: Step["command"]) => {
    const program = command && programText(command);
    if (program) found.push([pointer + program.pointer, program.text]);
  };
  if (step.script?.content !== undefined) found.push(["/script/content", step.script.content]);
  add("/command", step.command);
  for (const phase of ["pre_validation", "post_validation"] as const) {
    step[phase]?.checks.forEach((c, i) => add(`/${phase}/checks/${i}/command`, c.command));
  }
  return found;
}

/** A reference in a program would be code. Where one seems to be meant, that is said, rather than left as it is. */
function checkProgram(text: string, pointer: string, parameters: readonly string[], faults: Faults): void {
  const meant = [...text.matchAll(/\$\{(?:(?:playbook|parent|estate|execution)\.|[A-Za-z0-9_-]+\.output\b)[^}]*\}|\{\{\s*([\w-]+)\s*\}\}/g)].find(
    ([, name]) => name === undefined || parameters.includes(name),
  );
  if (meant) faults.add(pointer, `${meant[0]} would become part of a program: give it in env, args or stdin, and read it there`);
}

function nestedIn(playbook: Playbook, step: Step, index: number, inputs: PlaybookInputs, faults: Faults, above: readonly string[]): Prepared | undefined {
  const { playbook_id: id, version, parameters = {} } = step.playbook!;
  const pointer = `/steps/${index}/playbook`;
  const path = [...above, playbook.metadata.playbook_id];
  const inner = (inputs.playbooks ?? []).find((p) => p.metadata.playbook_id === id && (version === undefined || p.metadata.version === version));
  if (path.includes(id)) faults.add(at(pointer, "playbook_id"), `the playbooks run each other: ${[...path.slice(path.indexOf(id)), id].join(" → ")}`);
  else if (path.length >= maxDepth) faults.add(pointer, `playbooks may stand in each other ${maxDepth} deep: ${[...path, id].join(" → ")}`);
  else if (!inner) faults.add(at(pointer, "playbook_id"), `there is no playbook ${id}${version === undefined ? "" : ` of version ${version}`}${nearest(id, (inputs.playbooks ?? []).map((p) => p.metadata.playbook_id))}`);
  else {
    const below = new Faults();
    const document = checkDocument(inner, below);
    const prepared = document && connect(document, undefined, { playbooks: inputs.playbooks ?? [] }, below, path);
    for (const fault of below.list) faults.add(pointer, `in ${id}, ${fault.pointer}: ${fault.message}`);
    const later = new Set(Object.entries(parameters).filter(([, v]) => refers(v)).map(([k]) => k));
    const given = Object.fromEntries(Object.entries(parameters).filter(([k]) => !later.has(k)));
    const values = bind(inner, given, faults, later, at(pointer, "parameters"));
    for (const name of later) {
      if (!inner.parameters?.some((p) => p.name === name)) faults.add(`${pointer}/parameters/${name}`, "the playbook has no such parameter");
    }
    return prepared && { ...prepared, parameters: values };
  }
  return undefined;
}

/** Whether a value has references, so that it is known only when the step runs. */
function refers(value: unknown): boolean {
  let found = false;
  mapTexts(value, (text) => (found ||= /\$\{|\{\{/.test(text)));
  return found;
}
