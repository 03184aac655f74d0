// Carries the engine of Electron's main process into a renderer, over a MessagePort.
import { EngineError, isEngineError } from "../errors.js";
import { type Frame, framesTransport, protocol } from "../frames.js";
import type { Transport } from "../transport.js";
import type { StreamMethods, UnaryMethods } from "../wire.gen.js";

/** What is needed of a port: MessagePort of the DOM and of Node, and Electron's MessagePortMain, are such. */
export interface Port {
  postMessage(message: unknown): void;
  start?(): void;
  close(): void;
  // Each of the three has types of its own for what it passes.
  addEventListener?(event: string, listener: (event: any) => void): void;
  on?(event: string, listener: (event: any) => void): unknown;
}

/** In the renderer: an engine at the other end of a port. Each window has a port of its own. */
export function portTransport(port: Port): Transport {
  return framesTransport((listener) => {
    hear(port, (frame) => listener.frame(frame), () => {
      listener.ended(new EngineError("port_closed", "the port to the main process was closed"));
    });
    return { send: (frame) => port.postMessage(frame), close: () => port.close() };
  });
}

/**
 * In the main process: answers a port with a transport, which stays its caller's. Call what it returns to stop; that
 * happens by itself when the window closes the port.
 */
export function servePort(transport: Transport, port: Port): () => void {
  const server = new PortServer(transport, port);
  hear(port, (frame) => server.frame(frame), () => server.stop());
  return () => {
    server.stop();
    port.close();
  };
}

function hear(port: Port, frame: (frame: Frame) => void, closed: () => void): void {
  if (port.addEventListener) {
    port.addEventListener("message", (event) => frame((event as { data: Frame }).data));
    port.addEventListener("close", closed);
  } else {
    port.on?.("message", (event) => frame((event as { data: Frame }).data));
    port.on?.("close", closed);
  }
  port.start?.();
}

const window = 16;

/** The side of the protocol that the sidecar has, over a transport. */
class PortServer {
  readonly #transport: Transport;
  readonly #port: Port;
  readonly #calls = new Map<unknown, AbortController>();
  readonly #streams = new Map<number, Outgoing>();
  #next = 1;

  constructor(transport: Transport, port: Port) {
    this.#transport = transport;
    this.#port = port;
    // It waits in the port until the renderer hears it.
    this.#send({ method: "hello", params: { protocol, limits: { window } } });
  }

  frame({ id, method, params = {} }: Frame): void {
    switch (method) {
      case "abort":
        return this.#calls.get(params["id"])?.abort();
      case "Unwatch":
        return this.#streams.get(params["subscription"] as number)?.stop();
      case "ack":
        return this.#streams.get(params["subscription"] as number)?.acked(params["batch"] as number);
      case "Watch":
      case "ReadOutput":
        return void this.#stream(id, method, params);
      default:
        return void this.#unary(id, method as keyof UnaryMethods, params);
    }
  }

  stop(): void {
    for (const call of this.#calls.values()) call.abort();
    for (const stream of this.#streams.values()) stream.stop();
  }

  async #unary(id: Frame["id"], method: keyof UnaryMethods, params: unknown): Promise<void> {
    const abort = new AbortController();
    this.#calls.set(id, abort);
    try {
      const result = await this.#transport.unary(method, params as UnaryMethods[typeof method][0], { signal: abort.signal });
      this.#send({ id: id!, result });
    } catch (error) {
      this.#send({ id: id!, error: { data: plain(error) } });
    } finally {
      this.#calls.delete(id);
    }
  }

  async #stream(id: Frame["id"], method: keyof StreamMethods, params: unknown): Promise<void> {
    const subscription = this.#next++;
    const outgoing = new Outgoing();
    this.#streams.set(subscription, outgoing);
    this.#send({ id: id!, result: { subscription } });
    const end: Record<string, unknown> = { subscription };
    try {
      const said = this.#transport.stream(method, params as StreamMethods[typeof method][0], { signal: outgoing.signal });
      for await (const body of said) {
        if (Object.keys(body).length === 0) continue; // it says that it is alive
        const batch = await outgoing.room();
        this.#send({ method: method === "Watch" ? "watch" : "output", params: { subscription, batch, body } });
      }
    } catch (error) {
      end["error"] = plain(error);
    }
    this.#streams.delete(subscription);
    this.#send({ method: "end", params: end });
  }

  #send(frame: Frame): void {
    this.#port.postMessage(frame);
  }
}

/** One stream to a renderer: how many batches are on their way. */
class Outgoing {
  readonly #abort = new AbortController();
  #sent = 0;
  #done = 0;
  #wake: (() => void) | undefined;

  get signal(): AbortSignal {
    return this.#abort.signal;
  }
  stop(): void {
    this.#abort.abort();
    this.#wake?.();
  }
  acked(batch: number): void {
    this.#done = Math.max(this.#done, Math.min(batch, this.#sent));
    this.#wake?.();
  }
  /** Waits until one more may go, and numbers it. */
  async room(): Promise<number> {
    while (this.#sent - this.#done >= window && !this.signal.aborted) {
      await new Promise<void>((wake) => (this.#wake = wake));
    }
    return ++this.#sent;
  }
}

function plain(error: unknown) {
  if (!isEngineError(error)) return { code: "canceled", message: String(error) };
  const { code, message, hint, retryable, conditions } = error;
  return { code, message, ...(hint && { hint }), retryable, conditions: [...conditions] };
}
