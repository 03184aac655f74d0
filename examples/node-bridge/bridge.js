#!/usr/bin/env node
// Runs a command in an engine of its own, prints its lines as they come, and cancels it on Ctrl-C.
import { createEngine, isEngineError, isLine } from "@cloudops/engine";
import { stdioTransport } from "@cloudops/engine/stdio";

const [program, ...args] = process.argv.slice(2);
if (!program) {
  console.error("usage: bridge PROGRAM [ARGUMENT...]");
  process.exit(2);
}

const binary = process.env.CLOUDOPS_BINARY ?? "cloudops";
const engine = createEngine({ transport: stdioTransport({ binary }) }); // starts `cloudops sidecar`
try {
  const execution = await engine.executions.start({ command: { type: "exec", program, args } });

  let asked = 0;
  process.on("SIGINT", () => {
    void execution.cancel({ force: ++asked > 1 }); // the second Ctrl-C kills
  });

  for await (const event of execution.events()) {
    if (isLine(event)) {
      if (!event.partial) process[event.event_type].write(`${event.line}\n`);
    } else if (event.event_type === "gap") {
      console.error(`[${event.bytes} bytes are missing]`);
    }
  }

  const { status, exit_code, duration_ms } = await execution.result();
  console.error(`${status}, exit code ${exit_code}, after ${duration_ms} ms`);
  process.exitCode = status === "cancelled" ? 130 : exit_code;
} catch (error) {
  if (!isEngineError(error)) throw error;
  console.error(error.hint ? `${error.message} (${error.hint})` : error.message);
  process.exitCode = 1;
} finally {
  await engine.close();
}
