import { MessageChannel } from "node:worker_threads";
import { expect, test } from "vitest";
import { createEngine } from "../src/index.js";
import { type Port, portTransport, servePort } from "../src/electron/index.js";
import { socketTransport } from "../src/node/index.js";
import { serve } from "./daemon.js";
import { sh, suite } from "./suite.js";

// Node's MessageChannel copies and queues what is sent, as Electron's does.
suite("a MessagePort, to a main process that has a socket", async () => {
  const daemon = await serve();
  const { port1, port2 } = new MessageChannel();
  const stop = servePort(socketTransport(daemon.socket), port1);
  return {
    transport: portTransport(port2),
    end() {
      stop();
      return daemon[Symbol.asyncDispose]();
    },
  };
});

/** A port as Electron's main process has it: its events have `data`, and there is no addEventListener. */
function mainPort(port: import("node:worker_threads").MessagePort): Port {
  return {
    postMessage: (m) => port.postMessage(m),
    start: () => port.start(),
    close: () => port.close(),
    on: (event, listener) => port.on(event, (data: unknown) => listener({ data })),
  };
}

test("a window that closes its port ends its follows, and a call after that says so", async () => {
  await using daemon = await serve();
  const { port1, port2 } = new MessageChannel();
  servePort(socketTransport(daemon.socket), mainPort(port1));
  const engine = createEngine({ transport: portTransport(port2) });
  const execution = await engine.executions.start(sh("exec sleep 600"));
  const following = execution.result();
  port1.close();
  await expect(following).rejects.toMatchObject({ code: "port_closed" });
});
