import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEngine, type Engine } from "../src/index.js";
import { socketTransport } from "../src/node/index.js";
import { productBridge, type ProductBridge, type ProductEvents } from "../src/tauri/index.js";
import { words } from "../src/tauri/words.js";
import { type Daemon, serve } from "./daemon.js";
import { serveRds } from "./rds.js";

let daemon: Daemon;
let engine: Engine;
let product: ProductBridge;
let dir: string;

beforeAll(async () => {
  daemon = await serve([]); // one that remembers
  engine = createEngine({ transport: socketTransport(daemon.socket) });
  dir = mkdtempSync(join(tmpdir(), "product-"));
  product = productBridge(engine, { templatesDir: dir });
});
afterAll(async () => {
  await engine?.close();
  await daemon?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

type Heard = { [K in keyof ProductEvents]: { event: K } & ProductEvents[K] }[keyof ProductEvents];

/** Hears of everything until something ends, as a page does. */
async function hear(start: () => Promise<unknown>): Promise<Heard[]> {
  const heard: Heard[] = [];
  let over: () => void;
  const ended = new Promise<void>((resolve) => (over = resolve));
  const kinds = ["execution_started", "execution_output", "execution_complete", "execution_cancelled", "playbook_step_start", "playbook_step_complete"] as const;
  const unlisten = await Promise.all(
    kinds.map((kind) =>
      product.listen(kind, ({ event, payload }) => {
        heard.push({ event, ...payload } as Heard);
        if (event === "execution_complete" || event === "execution_cancelled") over();
      }),
    ),
  );
  await start();
  await ended;
  for (const leave of unlisten) leave();
  return heard;
}

describe("the commands of the product", () => {
  test("run a script, and tell of it by the product's events", async () => {
    const heard = await hear(() => product.invoke("execute_command", { command: "echo hi; echo oh >&2; exit 3", commandType: "script", options: { timeout: 30 } }));
    expect(heard[0]).toMatchObject({ event: "execution_started", command: "echo hi; echo oh >&2; exit 3", commandType: "script", options: { timeout: 30 } });
    expect(heard.slice(1, 3)).toEqual(
      expect.arrayContaining([expect.objectContaining({ output: "hi", stream: "stdout" }), expect.objectContaining({ output: "oh", stream: "stderr" })]),
    );
    expect(heard[3]).toMatchObject({ event: "execution_complete", status: "failed", exitCode: 3 });
    const { executionId } = heard[3]!;
    expect(await product.invoke("get_execution_status", { executionId })).toMatchObject({ executionId, status: "failed", exitCode: 3 });
    expect(await product.invoke("get_execution_output", { executionId })).toMatchObject({ stdout: "hi\n", stderr: "oh\n", exitCode: 3 });
  });

  test("cancel, and know what runs", async () => {
    const heard = await hear(async () => {
      const { executionId } = await product.invoke("execute_command", { command: "echo part; sleep 1000", commandType: "script" });
      expect(await product.invoke("get_active_executions")).toContainEqual(expect.objectContaining({ executionId, status: "running" }));
      await engine.executions.get(executionId).logs()[Symbol.asyncIterator]().next();
      expect(await product.invoke("cancel_execution", { executionId })).toBe(true);
    });
    expect(heard.at(-1)).toMatchObject({ event: "execution_cancelled", partialOutput: "part\n" });
    await expect(product.invoke("cancel_execution", { executionId: heard[0]!.executionId })).rejects.toBe("Execution already completed");
  });

  test("reject with texts", async () => {
    await expect(product.invoke("execute_command", { command: "aws", commandType: "aws_cli" })).rejects.toContain("Invalid command format");
    await expect(product.invoke("execute_command", { command: "aws 's3", commandType: "aws_cli" })).rejects.toBe("Invalid command format: a ' is not closed");
    await expect(product.invoke("cancel_execution", { executionId: "01a20936-fb9a-7e07-9129-c4aa3b2de464" })).rejects.toBe("Execution not found: 01a20936-fb9a-7e07-9129-c4aa3b2de464");
    await expect(product.invoke("get_execution_status", { executionId: "../x" })).rejects.toBe("Execution not found: ../x");
    await expect(product.invoke("execute_template", { templateId: "none", parameters: {} })).rejects.toBe("Template not found: none");
    await expect(product.invoke("no_such" as never)).rejects.toBe("Unknown command: no_such");
  });

  test("page through the history, and delete from it", async () => {
    const before = (await product.invoke("get_execution_history", { pagination: { pageSize: 1 } })).totalCount;
    for (let i = 0; i < 3; i++) await hear(() => product.invoke("execute_command", { command: `echo ${i}`, commandType: "script" }));
    const first = await product.invoke("get_execution_history", { filters: { commandType: "script", status: "completed" }, pagination: { page: 1, pageSize: 2 } });
    expect(first).toMatchObject({ page: 1, pageSize: 2, executions: [{ command: "bash -c 'echo 2'", commandType: "script", status: "completed", exitCode: 0 }, { command: "bash -c 'echo 1'" }] });
    const second = await product.invoke("get_execution_history", { pagination: { page: 2, pageSize: 2 } });
    expect(second.totalCount).toBe(before + 3);
    expect(second.executions[0]).toMatchObject({ command: "bash -c 'echo 0'" });
    expect(await product.invoke("delete_execution_history", { executionIds: [first.executions[0]!.executionId] })).toBe(1);
    expect((await product.invoke("get_execution_history")).totalCount).toBe(before + 2);
    expect((await product.invoke("get_execution_history", { pagination: { page: 99 } })).executions).toEqual([]);
  });

  test("run a playbook, step by step", async () => {
    const step = (id: string, command: string, continueOnError = false) => ({ id, name: id, command, commandType: "script" as const, continueOnError });
    const steps = [step("a", "exit 2", true), step("b", "echo '${x} {{y}}'"), step("c", "exit 1"), step("d", "true")];
    const heard = await hear(() => product.invoke("execute_playbook", { playbook: { id: "p", name: "P", steps } }));
    expect(heard.map((h) => [h.event, "stepId" in h ? h.stepId : ""].join(" ").trim())).toEqual([
      "execution_started",
      ...["a", "b", "c"].flatMap((s) => [`playbook_step_start ${s}`, `playbook_step_complete ${s}`]),
      "execution_complete",
    ]);
    expect(heard[2]).toMatchObject({ stepNumber: 1, success: false, exitCode: 2, continueOnError: true });
    expect(heard.at(-1)).toMatchObject({ status: "failed", error: expect.stringContaining("exit code 1") });
    expect(await product.invoke("get_execution_status", { executionId: heard[0]!.executionId })).toMatchObject({ status: "failed", progress: { totalSteps: 4 } });
  });

  test("offer templates, the user's among them, and run one with its values", async () => {
    const own = { id: "greet", name: "Greet", description: "", category: "mine", command: "printf '%s|' 'hi {{who}}' {{n}}", parameters: [
      { name: "who", description: "", type: "string", required: true },
      { name: "n", description: "", type: "select", required: false, options: [1, 2], defaultValue: 1 },
    ] };
    writeFileSync(join(dir, "greet.json"), JSON.stringify(own));
    expect(await product.invoke("get_command_templates", { category: "mine" })).toEqual([own]);
    expect((await product.invoke("get_command_templates")).length).toBeGreaterThan(5);
    const heard = await hear(() => product.invoke("execute_template", { templateId: "greet", parameters: { who: `"$(id)" '; -x` } }));
    expect(heard.find((h) => h.event === "execution_output")).toMatchObject({ output: `hi "$(id)" '; -x|1|` });
    await expect(product.invoke("execute_template", { templateId: "greet", parameters: {} })).rejects.toBe("Missing parameter: who");
    await expect(product.invoke("execute_template", { templateId: "greet", parameters: { who: "x", n: 3 } })).rejects.toContain("one of 1, 2");
  });
});

test("AWS commands go to the AWS CLI as their words", async () => {
  await using rds = await serveRds();
  const command = "aws rds describe-db-instances --db-instance-identifier 'db-7' --query \"DBInstances[0].DBInstanceStatus\" --output text";
  const heard = await hear(() => product.invoke("execute_command", { command, commandType: "aws_cli", options: { env: rds.env, awsRegion: "eu-west-1" } }));
  expect(heard.find((h) => h.event === "execution_output")).toMatchObject({ output: "available" });
});

test("words of a command line are those of a shell, and nothing is expanded", () => {
  expect(words(`a  "b \\"c\\" $X" 'd\\e' f\\ g ''\n`)).toEqual(["a", 'b "c" $X', "d\\e", "f g", ""]);
  expect(() => words(`a "b`)).toThrow('a " is not closed');
});
