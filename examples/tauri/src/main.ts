import { createEngine } from "@cloudops/engine";
import { productBridge, tauriTransport } from "@cloudops/engine/tauri";
import { Command } from "@tauri-apps/plugin-shell";

const engine = createEngine({ transport: tauriTransport(() => Command.sidecar("binaries/cloudops", ["sidecar"])) });
const { invoke, listen } = productBridge(engine); // in place of those of @tauri-apps/api

const form = document.querySelector("form")!;
const command = document.querySelector("input")!;
const cancel = document.querySelector<HTMLButtonElement>("#cancel")!;
const log = document.querySelector("pre")!;
let shown = "";

const write = (text: string, kind = "") => {
  const line = document.createElement("div");
  line.className = kind;
  line.textContent = text;
  log.append(line);
  log.scrollTop = log.scrollHeight;
};

await listen("execution_started", ({ payload }) => {
  shown = payload.executionId;
  cancel.disabled = false;
});
await listen("execution_output", ({ payload }) => {
  if (payload.executionId === shown) write(payload.output, payload.stream);
});
await listen("execution_complete", ({ payload }) => ended(payload.executionId, payload.status));
await listen("execution_cancelled", ({ payload }) => ended(payload.executionId, "cancelled"));

function ended(id: string, status: string) {
  if (id !== shown) return;
  write(status, "ending");
  cancel.disabled = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  log.replaceChildren();
  invoke("execute_command", { command: command.value, commandType: "script" }).catch((fault: string) => write(fault, "stderr"));
});
cancel.addEventListener("click", () => {
  invoke("cancel_execution", { executionId: shown }).catch((fault: string) => write(fault, "stderr"));
});
