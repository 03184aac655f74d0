import { Calls } from "./calls.js";
import { Executions } from "./executions.js";
import { type FetchOptions, fetchTransport } from "./fetch.js";
import type { CallOptions, Transport } from "./transport.js";
import type { InfoResponse, Stats } from "./wire.gen.js";

/** Where the engine is: a transport, or what fetch needs to reach a daemon. */
export type EngineOptions = ({ transport: Transport } | ({ transport?: never } & FetchOptions)) & {
  /** How long what can be asked twice is tried again while nobody answers. Default: 30,000 ms. Infinity: for ever. */
  patienceMs?: number;
};

/** An engine, wherever it runs. Use one for a page or a program: it has one stream for all that is followed. */
export interface Engine extends AsyncDisposable {
  readonly executions: Executions;
  /** Who answers, and what its machine can do. */
  info(options?: CallOptions): Promise<InfoResponse>;
  /** Counts since the engine was made. */
  stats(options?: CallOptions): Promise<Stats>;
  /** Any verb of the contract, as proto/ has it: for what has no method here. */
  call: Calls["unary"];
  /** Ends all calls and follows, and lets go of the transport. What runs goes on, or ends with a sidecar. */
  close(): Promise<void>;
}

/**
 * Makes the client of an engine. It does no I/O.
 *
 *     const engine = createEngine();                                       // the page's own origin
 *     const engine = createEngine({ baseUrl: "http://127.0.0.1:7443", token });
 *     const engine = createEngine({ transport: socketTransport(path) });   // from "@cloudops/engine/node"
 */
export function createEngine(options: EngineOptions = {}): Engine {
  const calls = new Calls(options.transport ?? fetchTransport(options), options.patienceMs ?? 30_000);
  const call: Calls["unary"] = (...asked) => calls.unary(...asked);
  const close = () => calls.close();
  return {
    executions: new Executions(calls),
    call,
    info: (o) => call("Info", {}, o),
    stats: async (o) => (await call("Stats", {}, o)).stats,
    close,
    [Symbol.asyncDispose]: close,
  };
}
