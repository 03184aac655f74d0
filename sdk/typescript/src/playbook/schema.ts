// The one place that says what a playbook.json looks like. The published playbook.schema.json is this object, and
// check.ts reads it: nothing is said twice.

/** The part of JSON Schema 2020-12 that this schema uses, and check.ts understands. */
export interface Schema {
  $ref?: string;
  description?: string;
  type?: "object" | "array" | "string" | "number" | "integer" | "boolean";
  const?: unknown;
  enum?: readonly unknown[];
  properties?: Record<string, Schema>;
  required?: readonly string[];
  /** What fields without a property of their own have to be. false: there are none. */
  additionalProperties?: Schema | false;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  default?: unknown;
}

const text: Schema = { type: "string" };
const name: Schema = { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_-]*$" };
const texts: Schema = { type: "array", items: text };
const table: Schema = { type: "object", additionalProperties: text };
const flag: Schema = { type: "boolean" };
const seconds: Schema = { type: "number", minimum: 0.001, maximum: 86_400 };
const anything: Schema = {};

const object = (required: string[], properties: Record<string, Schema>): Schema => ({
  type: "object",
  required,
  properties,
  additionalProperties: false,
});
const list = (of: Schema): Schema => ({ type: "array", items: of });
const oneOf = (...values: string[]): Schema => ({ type: "string", enum: values });
const ref = (to: string): Schema => ({ $ref: `#/$defs/${to}` });

const metadata = object(["playbook_id", "name"], {
  playbook_id: { type: "string", minLength: 1 },
  version: text,
  name: { type: "string", minLength: 1 },
  description: text,
  purpose: text,
  use_cases: texts,
  keywords: texts,
  cloud_provider: texts,
  resource_types: texts,
  author: text,
  status: oneOf(
    ..."draft ready active deprecated archived pending_review approved rejected broken needs_update".split(" "),
  ),
  storage_strategy: oneOf("local_only", "uploaded_for_review", "uploaded_trusted", "using_default"),
  tags: { type: "object", additionalProperties: anything },
  estimated_impact: { type: "object", additionalProperties: anything },
  prerequisites: list(anything),
  created_at: { type: "integer" },
  updated_at: { type: "integer" },
  based_on_escher: flag,
  escher_playbook_id: text,
  escher_version: text,
});

const parameter = object(["name"], {
  name,
  type: { ...oneOf("string", "number", "integer", "boolean", "select", "array", "object"), default: "string" },
  description: text,
  prompt: text,
  required: { ...flag, default: false },
  default: anything,
  options: list(anything),
  secret: { ...flag, description: "Its value is masked wherever it would be seen." },
  validation: object([], {
    pattern: text,
    min_length: { type: "integer", minimum: 0 },
    max_length: { type: "integer", minimum: 0 },
    minimum: { type: "number" },
    maximum: { type: "number" },
  }),
  extraction_hint: { type: "object", additionalProperties: anything, description: "Kept for who fills in values; not read here." },
});

const script = object(["interpreter"], {
  interpreter: oneOf("bash", "python", "node"),
  content: text,
  path: text,
  args: texts,
});

const command: Schema = {
  type: "object",
  required: ["type"],
  properties: { type: oneOf("exec", "shell", "script", "aws_cli", "gcloud", "az", "kubectl", "terraform") },
  additionalProperties: anything,
  description: "A command of the engine: docs/types.md has its fields.",
};

const terraform = object(["dir"], {
  dir: text,
  action: { ...oneOf("plan", "apply", "destroy"), default: "apply" },
  variables: table,
  var_files: texts,
  init_args: texts,
});

const cloudformation = object(["stack_name"], {
  stack_name: text,
  action: { ...oneOf("deploy", "delete"), default: "deploy" },
  template_path: text,
  parameters: table,
  capabilities: texts,
  args: texts,
  profile: text,
  region: text,
});

const nested = object(["playbook_id"], {
  playbook_id: text,
  version: text,
  parameters: { type: "object", additionalProperties: anything },
});

const validation = object(["checks"], {
  checks: { ...list(ref("check")), minItems: 1 },
  polling: object([], {
    enabled: { ...flag, default: true },
    interval_seconds: { ...seconds, default: 5 },
    max_attempts: { type: "integer", minimum: 1, maximum: 10_000, default: 60 },
  }),
  failure_action: { ...oneOf("stop", "ignore", "retry"), default: "stop" },
});

const check = object(["type"], {
  type: oneOf(
    "parameter_exists",
    "previous_step_output_exists",
    "output_variables_exist",
    "output_format",
    "state_value_check",
    "instance_state",
    "snapshot_state",
    "permission_check",
  ),
  description: text,
  parameter: text,
  step: anything,
  field: text,
  fields: texts,
  pattern: text,
  command: ref("command"),
  timeout_seconds: seconds,
  equals: anything,
  one_of: list(anything),
});

const step = object(["name", "type"], {
  step_number: { type: "integer", minimum: 1 },
  name,
  description: text,
  type: oneOf("script", "command", "terraform", "cloudformation", "playbook"),
  script,
  command: ref("command"),
  terraform,
  cloudformation,
  playbook: nested,
  env: table,
  stdin: text,
  working_dir: text,
  timeout_seconds: { ...seconds, maximum: 3600 },
  depends_on: list(anything),
  continue_on_error: { ...flag, default: false },
  failure_action: { ...oneOf("stop", "ignore", "retry"), default: "stop" },
  importance: oneOf("critical", "high", "low"),
  retry_config: object([], {
    max_attempts: { type: "integer", minimum: 1, maximum: 100, default: 3 },
    backoff_seconds: list({ type: "number", minimum: 0, maximum: 3600 }),
    retry_on_exit_codes: list({ type: "integer" }),
    retry_on_errors: texts,
  }),
  pre_validation: ref("validation"),
  post_validation: ref("validation"),
  outputs: list(object(["name"], { name: text, type: oneOf("string", "number", "boolean", "array", "object") })),
});

const explain = object([], {
  what_it_does: text,
  why_use_it: texts,
  what_happens: list({ type: "object", additionalProperties: anything }),
  estimated_impact: { type: "object", additionalProperties: anything },
  risks: list({ type: "object", additionalProperties: anything }),
  rollback_strategy: anything,
  success_criteria: texts,
});

/** The schema of playbook.json, version 2.0.0. */
export const playbookSchema: Schema & { $schema: string; $id: string; title: string; $defs: Record<string, Schema> } = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "urn:cloudops:playbook:2.0.0",
  title: "Playbook",
  ...object(["schema_version", "metadata", "steps"], {
    $schema: text,
    schema_version: { const: "2.0.0" },
    metadata,
    parameters: list(parameter),
    steps: { type: "array", items: ref("step"), minItems: 1, maxItems: 1000 },
    max_concurrency: { type: "integer", minimum: 1, maximum: 100 },
    explain,
  }),
  $defs: { step, command, validation, check },
};
