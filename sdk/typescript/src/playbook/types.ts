import type { Command } from "../types.js";

/** playbook.json, version 2.0.0: one file. `playbookSchema` is its JSON Schema. */
export interface Playbook {
  $schema?: string;
  schema_version: "2.0.0";
  metadata: PlaybookMetadata;
  parameters?: readonly Parameter[];
  /** Run in this order; where one says `depends_on`, each when those that it names have ended well. */
  steps: readonly Step[];
  /** How many steps of a graph may run at once. Default: 10. */
  max_concurrency?: number;
  explain?: Explanation;
}

export interface PlaybookMetadata {
  playbook_id: string;
  version?: string;
  name: string;
  description?: string;
  tags?: Record<string, unknown>;
  [field: string]: unknown;
}

export type ParameterType = "string" | "number" | "integer" | "boolean" | "select" | "array" | "object";

export interface Parameter {
  name: string;
  /** Default: string. */
  type?: ParameterType;
  description?: string;
  prompt?: string;
  required?: boolean;
  default?: unknown;
  /** What a select may be. */
  options?: readonly unknown[];
  /** Masked in what is shown, in output and in history. */
  secret?: boolean;
  validation?: { pattern?: string; min_length?: number; max_length?: number; minimum?: number; maximum?: number };
  extraction_hint?: Record<string, unknown>;
}

/** By name, or by number counted from 1. */
export type StepReference = string | number;

export interface Step {
  step_number?: number;
  name: string;
  description?: string;
  type: "script" | "command" | "terraform" | "cloudformation" | "playbook";
  script?: ScriptStep;
  /** A command of the engine. References are values of its fields, but not inside the text of a shell. */
  command?: Command;
  terraform?: TerraformStep;
  cloudformation?: CloudFormationStep;
  playbook?: NestedStep;
  env?: Record<string, string>;
  stdin?: string;
  working_dir?: string;
  /** Of one attempt. */
  timeout_seconds?: number;
  depends_on?: readonly StepReference[];
  /** Its failure stops nothing. */
  continue_on_error?: boolean;
  /** ignore: as continue_on_error; retry: `retry_config` or three attempts, then stop. */
  failure_action?: FailureAction;
  importance?: "critical" | "high" | "low";
  retry_config?: RetryConfig;
  pre_validation?: Validation;
  post_validation?: Validation;
  /** Fields that its output, a JSON object on stdout, has to have. */
  outputs?: readonly { name: string; type?: "string" | "number" | "boolean" | "array" | "object" }[];
}

export type FailureAction = "stop" | "ignore" | "retry";

export interface ScriptStep {
  interpreter: "bash" | "python" | "node";
  /** The text, which nothing is put into. */
  content?: string;
  /** A file, instead. */
  path?: string;
  /** Positional arguments. */
  args?: readonly string[];
}

export interface TerraformStep {
  dir: string;
  /** `init` always comes before it. Default: apply. */
  action?: "plan" | "apply" | "destroy";
  variables?: Record<string, string>;
  var_files?: readonly string[];
  init_args?: readonly string[];
}

export interface CloudFormationStep {
  stack_name: string;
  /** Both wait for their end. Default: deploy. */
  action?: "deploy" | "delete";
  /** A file; deploy needs it. */
  template_path?: string;
  parameters?: Record<string, string>;
  capabilities?: readonly string[];
  args?: readonly string[];
  profile?: string;
  region?: string;
}

export interface NestedStep {
  playbook_id: string;
  /** Exactly this one. */
  version?: string;
  parameters?: Record<string, unknown>;
}

export interface RetryConfig {
  /** The first included. Default: 3. */
  max_attempts?: number;
  /** Pauses before the second attempt, the third …; the last serves for all after. Default: 1. */
  backoff_seconds?: readonly number[];
  /** Only these are tried again; with `retry_on_errors`, one of both is enough. Neither: every failure is. */
  retry_on_exit_codes?: readonly number[];
  /** Regular expressions on stderr. */
  retry_on_errors?: readonly string[];
}

export interface Validation {
  checks: readonly Check[];
  /** Ask again until it holds. */
  polling?: { enabled?: boolean; interval_seconds?: number; max_attempts?: number };
  failure_action?: FailureAction;
}

export interface Check {
  type:
    | "parameter_exists"
    | "previous_step_output_exists"
    | "output_variables_exist"
    | "output_format"
    | "state_value_check"
    | "instance_state"
    | "snapshot_state"
    | "permission_check";
  description?: string;
  parameter?: string;
  step?: StepReference;
  /** A path into the output: `DBSnapshots[0].Status`. */
  field?: string;
  fields?: readonly string[];
  /** A regular expression. */
  pattern?: string;
  /** What is asked: the checks of a state look into the JSON that it prints, a permission check at its exit code. */
  command?: Command;
  timeout_seconds?: number;
  equals?: unknown;
  one_of?: readonly unknown[];
}

/** For people, before they agree. */
export interface Explanation {
  what_it_does?: string;
  why_use_it?: readonly string[];
  what_happens?: readonly Record<string, unknown>[];
  estimated_impact?: Record<string, unknown>;
  risks?: readonly Record<string, unknown>[];
  rollback_strategy?: unknown;
  success_criteria?: readonly string[];
}

type ValueOf<P> = P extends { type: "number" | "integer" }
  ? number
  : P extends { type: "boolean" }
    ? boolean
    : P extends { type: "array" }
      ? readonly unknown[]
      : P extends { type: "object" }
        ? Record<string, unknown>
        : P extends { type: "select"; options: readonly (infer O)[] }
          ? O
          : string;

type Named<T extends Playbook> = NonNullable<T["parameters"]>[number];
type Needed<P> = P extends { required: true } ? (P extends { default: unknown } ? never : P) : never;

/** The values of a playbook's parameters: what is required and has no default has to be there. */
export type ParametersOf<T extends Playbook> = Playbook extends T
  ? Record<string, unknown>
  : { [P in Needed<Named<T>> as P["name"]]: ValueOf<P> } & { [P in Exclude<Named<T>, Needed<Named<T>>> as P["name"]]?: ValueOf<P> };
