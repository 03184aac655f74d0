// Reaches an engine that runs in the Go program of a Wails app itself: no port, no second process.
import { EngineError } from "../errors.js";
import { fetchTransport } from "../fetch.js";
import { type Frame, framesTransport } from "../frames.js";
import type { Transport } from "../transport.js";

/**
 * By fetch from the app's own asset server, whose handler passes `/cloudops.v1.ExecutionService/` on to `rpc.New(engine)`. The
 * writer that Wails hands it has no Flush, which Connect asks for: give it one, as examples/wails does.
 * On Linux and macOS. The web view of Windows gives an answer only when it is whole: use wailsEventTransport there.
 */
export function wailsTransport(): Transport {
  return fetchTransport();
}

export interface WailsEvents {
  /** A bound Go method that takes one frame: `App.Frame(line string)`. */
  send(frame: string): Promise<unknown>;
  /** `EventsOn` of the Wails runtime, for the event whose payload is one frame. Returns what stops hearing. */
  listen(take: (frame: string) => void): () => void;
}

/** By bound methods and events: the frames of docs/sidecar.md, each as one string. The Go side runs a sidecar session over them. */
export function wailsEventTransport(events: WailsEvents): Transport {
  return framesTransport((listener) => {
    const stop = events.listen((text) => listener.frame(JSON.parse(text) as Frame));
    const send = (frame: Frame) => {
      events.send(JSON.stringify({ jsonrpc: "2.0", ...frame })).catch((cause: unknown) => {
        listener.ended(new EngineError("unreachable", `the Go side took no frame: ${String(cause)}`, { cause, retryable: true }));
      });
    };
    return { send, close: stop };
  });
}
