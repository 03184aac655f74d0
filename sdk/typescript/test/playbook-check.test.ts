import { describe, expect, expectTypeOf, test } from "vitest";
import { checkPlaybook, definePlaybook, explainPlaybook, parsePlaybook, type Playbook, PlaybookError, playbookSchema } from "../src/playbook/index.js";

const metadata = { playbook_id: "p", name: "P" };
const playbook = (more: object): Playbook => ({ schema_version: "2.0.0", metadata, steps: [{ name: "a", type: "command", command: { type: "exec", program: "true" } }], ...more }) as Playbook;
const echo = (...args: string[]) => ({ type: "exec", program: "echo", args });

/** What is said of a playbook that is refused. */
function faults(make: () => unknown): Record<string, string> {
  try {
    make();
  } catch (error) {
    if (error instanceof PlaybookError) return Object.fromEntries(error.faults.map((f) => [f.pointer, f.message]));
    throw error;
  }
  return {};
}

describe("a playbook that is wrong", () => {
  test("is told all its faults of form at once, by JSON pointers", () => {
    const found = faults(() =>
      checkPlaybook({
        schema_version: "1.0",
        metadata: { name: "", tag: {} },
        parameters: [{ name: "9", type: "text" }],
        steps: [{ name: "a", type: "comand", timeout_seconds: 0, depend_on: [] }],
        "a/b": 1,
      }),
    );
    expect(found).toEqual({
      "/schema_version": 'has to be "2.0.0"',
      "/metadata/playbook_id": "is required",
      "/metadata/name": "is empty",
      "/metadata/tag": "there is no such field: did you mean tags?",
      "/parameters/0/name": "does not match ^[A-Za-z_][A-Za-z0-9_-]*$",
      "/parameters/0/type": "has to be one of string, number, integer, boolean, select, array, object",
      "/steps/0/type": "has to be one of script, command, terraform, cloudformation, playbook",
      "/steps/0/timeout_seconds": "is below 0.001",
      "/steps/0/depend_on": "there is no such field: did you mean depends_on?",
      "/a~1b": "there is no such field",
    });
  });

  test("is told what does not fit together", () => {
    const found = faults(() =>
      checkPlaybook(
        playbook({
          parameters: [
            { name: "region", default: 3 },
            { name: "region" },
            { name: "size", type: "select" },
            { name: "id", validation: { pattern: "(" } },
          ],
          steps: [
            { name: "a", type: "command", step_number: 2, command: echo("${playbook.regoin}", "${b.output.x}", "${what}") },
            { name: "a", type: "script", script: { interpreter: "bash" }, command: echo() },
            { name: "step1", type: "cloudformation", cloudformation: { stack_name: "s" }, post_validation: { checks: [{ type: "instance_state" }, { type: "output_format", field: "x", pattern: "[" }] } },
          ],
        }),
      ),
    );
    expect(found).toMatchObject({
      "/parameters/0/default": "has to be of type string, and is 3",
      "/parameters/1/name": "there are two parameters region",
      "/parameters/2/options": "a select needs options",
      "/steps/0/step_number": "it is step 1",
      "/steps/0/command/args/0": "${playbook.regoin}: the playbook has no parameter regoin: did you mean region?",
      "/steps/0/command/args/1": expect.stringContaining("refers to nothing"),
      "/steps/0/command/args/2": expect.stringContaining("refers to nothing"),
      "/steps/1/name": "there are two steps a",
      "/steps/1/script": "needs either content or path",
      "/steps/1/command": "belongs to a step of type command, and this is of type script",
      "/steps/2/name": "step1 means something else in references",
      "/steps/2/cloudformation/template_path": "deploy needs it",
      "/steps/2/post_validation/checks/0/command": "a check of type instance_state needs it",
      "/steps/2/post_validation/checks/0/equals": "a check of a state needs equals or one_of",
    });
    expect(found["/parameters/3/validation/pattern"]).toContain("Invalid regular expression");
    expect(found["/steps/2/post_validation/checks/1/pattern"]).toContain("Invalid regular expression");
  });

  test("is told of a cycle as a path, and of steps that are not there", () => {
    const step = (name: string, ...depends_on: unknown[]) => ({ name, type: "command", command: echo(), depends_on });
    expect(faults(() => checkPlaybook(playbook({ steps: [step("a", "c"), step("b", 1), step("c", "b")] })))).toEqual({
      "/steps/0/depends_on": "the steps wait for each other: a → c → b → a",
    });
    expect(faults(() => checkPlaybook(playbook({ steps: [step("deploy", "deploi", 7, "deploy")] })))).toEqual({
      "/steps/0/depends_on/0": 'there is no step "deploi": did you mean deploy?',
      "/steps/0/depends_on/1": "there is no step 7",
      "/steps/0/depends_on/2": "a step cannot depend on itself",
    });
  });

  test("may refer only to steps that have to end before", () => {
    const steps = [
      { name: "a", type: "command", command: echo("${b.output.x}") },
      { name: "b", type: "command", command: echo("${step1.output.x[0].y}") },
    ];
    expect(faults(() => checkPlaybook(playbook({ steps })))).toEqual({ "/steps/0/command/args/0": "${b.output.x}: the step b does not have to end before a" });
  });

  test("may not put a value into a program", () => {
    const parameters = [{ name: "name", default: "x" }];
    const steps = [
      { name: "a", type: "command", command: { type: "shell", command: 'echo "${playbook.name}"' } },
      { name: "b", type: "script", script: { interpreter: "bash", content: "echo {{name}} ${HOME} {{.Other}}" } },
      { name: "c", type: "script", script: { interpreter: "python", content: "print('${HOME}', '{{other}}')" } },
    ];
    expect(faults(() => checkPlaybook(playbook({ parameters, steps })))).toEqual({
      "/steps/0/command/command": "${playbook.name} would become part of a program: give it in env, args or stdin, and read it there",
      "/steps/1/script/content": "{{name}} would become part of a program: give it in env, args or stdin, and read it there",
    });
  });

  test("is no JSON", () => {
    expect(faults(() => parsePlaybook("{"))[""]).toContain("is no JSON");
    expect(faults(() => parsePlaybook("[]"))).toEqual({ "": "has to be an object, and is an array" });
  });
});

describe("parameters", () => {
  const parameters = [
    { name: "id", required: true, prompt: "Which instance?", validation: { pattern: "^db-", max_length: 6 } },
    { name: "count", type: "integer", default: 2, validation: { minimum: 1, maximum: 3 } },
    { name: "size", type: "select", options: ["s", "m"] },
    { name: "dry", type: "boolean" },
  ];
  const steps = [{ name: "a", type: "command", command: echo("{{id}}") }];
  const explain = (given: Record<string, unknown>) => explainPlaybook(playbook({ parameters, steps }), { parameters: given });

  test("are checked, all at once", () => {
    expect(faults(() => explain({ count: 4, size: "l", dry: "yes", idd: 1 }))).toEqual({
      "/parameters/idd": "the playbook has no such parameter: did you mean id?",
      "/parameters/id": "is required: Which instance?",
      "/parameters/count": "is above 3",
      "/parameters/size": 'has to be one of "s", "m"',
      "/parameters/dry": 'has to be of type boolean, and is "yes"',
      "/steps/0/command/args/0": "{{id}}: nothing was given for the parameter id, and it has no default",
    });
    expect(faults(() => explain({ id: "x" }))).toEqual({ "/parameters/id": "does not match ^db-" });
    expect(faults(() => explain({ id: "db-1234" }))).toEqual({ "/parameters/id": "is longer than 6" });
    expect(faults(() => explain({ id: "db-1", count: null }))).toEqual({});
  });

  test("have types where a playbook is defined in code", () => {
    const defined = definePlaybook({
      schema_version: "2.0.0",
      metadata,
      parameters: [
        { name: "id", required: true },
        { name: "count", type: "integer", required: true, default: 1 },
        { name: "size", type: "select", options: ["s", "m"] },
      ],
      steps: [{ name: "a", type: "command", command: { type: "exec", program: "true" } }],
    });
    type Values = import("../src/playbook/index.js").ParametersOf<typeof defined>;
    expectTypeOf<Values>().toEqualTypeOf<{ id: string } & { count?: number; size?: "s" | "m" }>();
  });
});

describe("explain", () => {
  test("shows what will run, in order, secrets masked, what is not known as it is written", () => {
    const outline = explainPlaybook(
      playbook({
        parameters: [{ name: "password", secret: true, required: true }],
        explain: { what_it_does: "greets" },
        steps: [
          { name: "find", type: "command", command: echo("${estate.host[0].name}", "$${x}"), env: { PASSWORD: "p:{{password}}" } },
          { name: "greet", type: "script", script: { interpreter: "python", content: "…", args: ["${find.output.id}", "{{ password }}"] }, failure_action: "retry", continue_on_error: true },
          { name: "apply", type: "terraform", terraform: { dir: "infra", variables: { id: "${step1.output.id}" } } },
          { name: "inner", type: "playbook", playbook: { playbook_id: "q", parameters: { who: "${find.output.who}" } } },
        ],
      }),
      {
        parameters: { password: "hunter2secret" },
        estate: { host: [{ name: "web-1" }] },
        playbooks: [playbook({ metadata: { playbook_id: "q", name: "Q" }, parameters: [{ name: "who", required: true }, { name: "n", default: "1" }], steps: [{ name: "a", type: "command", command: echo("{{who}}", "{{n}}") }] })],
      },
    );
    expect(outline.explanation?.what_it_does).toBe("greets");
    expect(outline.steps.map((s) => s.commands)).toEqual([
      ["echo web-1 ${x}"],
      ["python3 script ${find.output.id} [REDACTED]"],
      ["terraform init -input=false infra", "terraform apply -input=false infra", "terraform output -json infra"],
      ["playbook q"],
    ]);
    expect(outline.steps[0]!.env).toEqual({ PASSWORD: "p:[REDACTED]" });
    expect(outline.steps[1]).toMatchObject({ after: ["find"], continue_on_error: true, max_attempts: 3 });
    expect(outline.steps[3]!.playbook!.steps[0]!.commands).toEqual(["echo {{who}} 1"]);
    expect(JSON.stringify(outline)).not.toContain("hunter2");
  });

  test("refuses what an AWS command would take for a file", () => {
    const steps = [{ name: "a", type: "command", command: { type: "aws_cli", service: "rds", operation: "x", args: ["--name", "{{name}}"] } }];
    const given = { parameters: { name: "file:///etc/passwd" } };
    expect(faults(() => explainPlaybook(playbook({ parameters: [{ name: "name" }], steps }), given))["/steps/0/command"]).toContain("the AWS CLI would take for the name of a file");
  });

  test("finds playbooks that run each other, and those that stand too deep", () => {
    const runs = (id: string, inner?: string) => playbook({ metadata: { playbook_id: id, name: id }, steps: [inner ? { name: "a", type: "playbook", playbook: { playbook_id: inner } } : { name: "a", type: "command", command: echo() }] });
    const cyclic = [runs("x", "y"), runs("y", "x")];
    expect(Object.values(faults(() => explainPlaybook(cyclic[0]!, { playbooks: cyclic })))[0]).toContain("the playbooks run each other: x → y → x");
    const deep = ["1", "2", "3", "4", "5", "6"].map((id, i, all) => runs(id, all[i + 1]));
    expect(Object.values(faults(() => explainPlaybook(deep[0]!, { playbooks: deep })))[0]).toContain("5 deep: 1 → 2 → 3 → 4 → 5 → 6");
    expect(faults(() => explainPlaybook(deep[1]!, { playbooks: deep }))).toEqual({});
    expect(faults(() => explainPlaybook(runs("x", "zz"), {}))).toEqual({ "/steps/0/playbook/playbook_id": "there is no playbook zz" });
  });
});

test("the schema is published as it is checked", () => {
  expect(JSON.parse(JSON.stringify(playbookSchema)).$defs.step.required).toEqual(["name", "type"]);
});
