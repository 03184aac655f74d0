import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { createEngine, fetchTransport, type Transport } from "../src/index.js";
import { socketTransport } from "../src/node/index.js";
import { serve } from "./daemon.js";
import { sh } from "./suite.js";

/** Passes bytes on to the socket of a daemon, and cuts each connection behind so many that came back, as often as it may. */
async function cuttingProxy(path: string, cuts: number, behind: () => number) {
  const open = new Set<Socket>();
  const proxy = { cut: 0, url: "", server: undefined as Server | undefined };
  proxy.server = createServer((client) => {
    const server = connect(path);
    let left = behind();
    for (const [from, to] of [[client, server], [server, client]] as const) {
      open.add(from);
      from.on("error", () => to.destroy()).on("close", () => (open.delete(from), to.destroy()));
    }
    client.pipe(server);
    server.on("data", (chunk) => {
      left -= chunk.length;
      if (left > 0 || proxy.cut >= cuts) return void client.write(chunk);
      proxy.cut++;
      client.write(chunk.subarray(0, chunk.length + left), () => client.destroy());
      server.destroy();
    });
  });
  proxy.server.listen(0, "127.0.0.1");
  await once(proxy.server, "listening");
  proxy.url = `http://127.0.0.1:${(proxy.server.address() as { port: number }).port}`;
  return Object.assign(proxy, {
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((closed) => proxy.server!.close(closed));
    },
  });
}

const cuts = process.env["CLOUDOPS_TEST_FULL"] ? 1000 : 60;

test(`${cuts} forced disconnects: nothing twice, nothing missing`, { timeout: 900_000 }, async () => {
  await using daemon = await serve();
  // Fixed, so that a failure comes again: from amid a head to some batches, of which one has up to 90 kB.
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 0x7fffffff) / 0x7fffffff;
  await using proxy = await cuttingProxy(daemon.socket, cuts, () => 50 + Math.floor(random() * 150_000));
  await using engine = createEngine({ transport: fetchTransport({ baseUrl: proxy.url }), patienceMs: 60_000 });
  await using direct = createEngine({ transport: socketTransport(daemon.socket) });
  const lines = cuts * 700; // more than all connections together carry
  const started = await direct.executions.start(sh(`seq -f %099.0f 1 ${lines}`, { limits: { output_bytes: 128 << 20 } }));
  let next = 1;
  let reconnects = 0;
  const execution = engine.executions.get(started.id);
  const onState = (state: string) => void (state === "reconnecting" && reconnects++);
  for await (const line of execution.logs({ onState }).lines()) {
    if (Number(line.line) !== next || line.line_number !== next) throw new Error(`want line ${next}, got ${line.line_number}: ${line.line}`);
    next++;
  }
  expect(next - 1).toBe(lines);
  console.log(`${lines} lines, ${proxy.cut} cuts, ${reconnects} times reconnecting`);
  expect(proxy.cut).toBe(cuts);
  expect(reconnects).toBeGreaterThan(cuts / 2);
});

test("a start whose answer is lost is made again, and runs once", async () => {
  await using daemon = await serve();
  const way = socketTransport(daemon.socket);
  let asked = 0;
  const deaf: Transport = {
    ...way,
    async unary(method, message, options) {
      const answer = await way.unary(method, message, options);
      if (method !== "Execute" || ++asked > 1) return answer;
      return createEngine({ transport: socketTransport("/no/such/socket") }).info() as never; // rejects: unreachable
    },
  };
  await using engine = createEngine({ transport: deaf });
  await engine.info(); // it has met the engine
  const result = await engine.executions.run(sh("echo once"));
  expect(result.stdout).toBe("once\n");
  expect(asked).toBe(2);
  expect((await engine.stats()).accepted).toBe(1);
});

test("where nobody is, that is said at once, with what to do", async () => {
  const engine = createEngine({ baseUrl: "http://127.0.0.1:1" });
  await expect(engine.info()).rejects.toMatchObject({ code: "unreachable", hint: expect.stringContaining("cloudops serve") });
  const wrong = createEngine({ transport: fetchTransport({ fetch: () => Promise.resolve(new Response("<html>", { status: 200 })) }) });
  await expect(wrong.info()).rejects.toMatchObject({ code: "protocol" });
});

test("a wrong token, and another site's page, are told apart", async () => {
  await using daemon = await serve();
  const info = (more: object) => createEngine({ baseUrl: daemon.url, ...more }).info();
  await expect(info({})).rejects.toMatchObject({ code: "unauthenticated" });
  await expect(info({ token: "cloudops_wrong" })).rejects.toMatchObject({ code: "unauthenticated" });
  await expect(info({ token: daemon.token, headers: { Origin: "https://else.example" } })).rejects.toMatchObject({ code: "permission_denied" });
});
