// What the main process and the preload of examples/electron do, in a page: a port to the engine is posted to the renderer.
import { servePort } from "../../src/electron/index.js";
import { fetchTransport } from "../../src/index.js";

window.addEventListener("load", () => {
  const { port1, port2 } = new MessageChannel();
  servePort(fetchTransport(), port1);
  window.postMessage("engine", "*", [port2]);
});
// @ts-expect-error: the example is plain JavaScript
void import("../../../../examples/electron/renderer.js");
