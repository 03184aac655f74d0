import type { Engine } from "../engine.js";

// The files are read where the engine runs, and of the credentials nothing but the names: the AWS CLI of version 1 cannot list them.
const config = 'grep -hE "^\\[|^(region|sso_account_id) *=" "${AWS_CONFIG_FILE:-$HOME/.aws/config}"; echo "--"; grep -hE "^\\[" "${AWS_SHARED_CREDENTIALS_FILE:-$HOME/.aws/credentials}"; true';

/** The profiles of the AWS CLI, by name. */
export async function profiles(engine: Engine): Promise<{ name: string; region?: string; accountId?: string }[]> {
  const { stdout } = await engine.executions.run({ command: { type: "shell", shell: "sh", command: config } });
  const found = new Map<string, { name: string; region?: string; accountId?: string }>();
  let current: { name: string; region?: string; accountId?: string } | undefined;
  const [settings = "", names = ""] = stdout.split("--\n");
  for (const line of `${settings}${names}`.split("\n")) {
    const name = /^\[(?:profile\s+)?([^\]]+)\]/.exec(line)?.[1]?.trim();
    const [key, value] = line.split(/\s*=\s*/, 2);
    if (name !== undefined) {
      current = /^(sso-session|services)\s/.test(name) ? undefined : (found.get(name) ?? { name });
      if (current) found.set(name, current);
    } else if (current && value) {
      if (key === "region") current.region = value.trim();
      if (key === "sso_account_id") current.accountId = value.trim();
    }
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** What AWS_PROFILE says, where the engine runs. */
export async function defaultProfile(engine: Engine): Promise<string> {
  const { stdout } = await engine.executions.run({ command: { type: "shell", shell: "sh", command: 'printf %s "${AWS_PROFILE:-default}"' } });
  return stdout;
}

/** Asks AWS who the credentials of a profile belong to. */
export async function validate(engine: Engine, profile: string): Promise<{ valid: boolean; accountId?: string; error?: string }> {
  const { success, stdout, stderr } = await engine.executions.run({
    command: { type: "aws_cli", service: "sts", operation: "get-caller-identity", profile, output: "json" },
    timeout_ms: 60_000,
  });
  if (!success) {
    if (/profile.*could not be found/i.test(stderr)) throw new Error(`Profile not found: ${profile}`);
    return { valid: false, error: stderr.trim() };
  }
  const { Account } = JSON.parse(stdout) as { Account?: string };
  return { valid: true, ...(Account !== undefined && { accountId: Account }) };
}
