import { words } from "./words.js";

/** A command with places for values, `{{name}}`, to choose from a list. */
export interface CommandTemplate {
  id: string;
  name: string;
  description: string;
  category: string;
  /** A line that is cut into words before values are put in: a value is always one argument, or a part of one. */
  command: string;
  parameters: TemplateParameter[];
}

export interface TemplateParameter {
  name: string;
  description: string;
  type: "string" | "number" | "boolean" | "select";
  required: boolean;
  defaultValue?: string | number | boolean;
  options?: (string | number)[];
}

const instance: TemplateParameter = { name: "instanceId", description: "The id of the instance", type: "string", required: true };
const bucket: TemplateParameter = { name: "bucket", description: "The name of the bucket", type: "string", required: true };

const one = (id: string, category: string, name: string, description: string, command: string, ...parameters: TemplateParameter[]): CommandTemplate => ({
  id, name, description, category, command, parameters,
});

/** The templates that come with the package. */
export const builtInTemplates: readonly CommandTemplate[] = [
  one("ec2-list", "ec2", "List instances", "All instances of the region", "aws ec2 describe-instances --output json"),
  one("ec2-start", "ec2", "Start an instance", "Starts one that is stopped", "aws ec2 start-instances --instance-ids {{instanceId}}", instance),
  one("ec2-stop", "ec2", "Stop an instance", "Stops one that runs", "aws ec2 stop-instances --instance-ids {{instanceId}}", instance),
  one("s3-buckets", "s3", "List buckets", "All buckets of the account", "aws s3api list-buckets --output json"),
  one("s3-objects", "s3", "List objects", "What is in a bucket", "aws s3api list-objects-v2 --bucket {{bucket}} --max-items {{count}}", bucket, {
    name: "count", description: "How many at most", type: "number", required: false, defaultValue: 100,
  }),
  one("rds-list", "rds", "List databases", "All instances of the region", "aws rds describe-db-instances --output json"),
  one("sts-identity", "iam", "Who am I", "The account and the identity of the credentials", "aws sts get-caller-identity --output json"),
];

/** The words of a template with its values, or what is wrong with them. */
export function fillTemplate({ command, parameters, id }: CommandTemplate, given: Record<string, unknown>): string[] {
  const values = new Map<string, string>();
  for (const p of parameters) {
    const value = given[p.name] ?? p.defaultValue;
    if (value === undefined || value === "") {
      if (p.required) throw new Error(`Missing parameter: ${p.name}`);
      continue;
    }
    const right = p.type === "select" ? (p.options ?? []).includes(value as string) : typeof value === p.type;
    if (!right) throw new Error(`Invalid parameter: ${p.name} has to be ${p.type === "select" ? `one of ${p.options?.join(", ")}` : `a ${p.type}`}`);
    values.set(p.name, String(value));
  }
  for (const name of Object.keys(given)) {
    if (!parameters.some((p) => p.name === name)) throw new Error(`Invalid parameter: the template ${id} has no ${name}`);
  }
  return words(command).map((word) => word.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => values.get(name) ?? ""));
}

/** Templates from the text of files, each with one or a list. */
export function parseTemplates(texts: readonly string[]): CommandTemplate[] {
  return texts.filter((t) => t.trim()).flatMap((text) => JSON.parse(text) as CommandTemplate | CommandTemplate[]);
}
