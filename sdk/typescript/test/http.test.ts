import { fetchTransport } from "../src/index.js";
import { socketTransport } from "../src/node/index.js";
import { serve } from "./daemon.js";
import { suite } from "./suite.js";

suite("fetch, to a port with a token", async () => {
  const daemon = await serve();
  return {
    transport: fetchTransport({ baseUrl: daemon.url, token: () => Promise.resolve(daemon.token) }),
    end: () => daemon[Symbol.asyncDispose](),
  };
});

suite("a unix socket", async () => {
  const daemon = await serve();
  return { transport: socketTransport(daemon.socket), end: () => daemon[Symbol.asyncDispose]() };
});
