import { fileURLToPath } from "node:url";
import { servePort } from "@cloudops/engine/electron";
import { stdioTransport } from "@cloudops/engine/stdio";
import { app, BrowserWindow, MessageChannelMain } from "electron";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

// One engine for all windows. It ends with this process, however that ends, and so does what runs in it.
const engine = stdioTransport({ binary: process.env.CLOUDOPS_BINARY ?? "cloudops" });

function open() {
  const window = new BrowserWindow({ width: 720, height: 420, webPreferences: { preload: here("preload.cjs") } });
  // Each page that is loaded gets a port of its own; that of the page before it was closed with it.
  window.webContents.on("did-finish-load", () => {
    const { port1, port2 } = new MessageChannelMain();
    servePort(engine, port1);
    window.webContents.postMessage("engine", null, [port2]);
  });
  // Who has the port may run any command: no other page gets into this window.
  window.webContents.on("will-navigate", (event) => event.preventDefault());
  window.webContents.setWindowOpenHandler(() => ({ action: "deny" }));
  void window.loadFile(here("index.html"));
}

void app.whenReady().then(open);
app.on("window-all-closed", () => app.quit());
