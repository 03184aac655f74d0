import { createEngine } from "@cloudops/engine";
import { wailsTransport } from "@cloudops/engine/wails";

const engine = createEngine({ transport: wailsTransport() });

const form = document.querySelector("form");
const log = document.querySelector("pre");
const cancel = document.querySelector("#cancel");

const title = (text) => window.runtime.WindowSetTitle(`cloudops: ${text}`); // of Wails itself

const write = (text, kind) => {
  const line = document.createElement("div");
  line.className = kind;
  line.textContent = text;
  log.append(line);
  log.scrollTop = log.scrollHeight;
};

async function run(command) {
  log.replaceChildren();
  const execution = await engine.executions.start({ command: { type: "shell", command } });
  title("running");
  cancel.disabled = false;
  cancel.onclick = () => execution.cancel();
  for await (const line of execution.logs().lines()) write(line.line, line.event_type);
  const { status, exit_code } = await execution.result();
  write(`${status} with exit code ${exit_code}`, "ending");
  cancel.disabled = true;
  title(status);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run(form.querySelector("input").value).catch((error) => write(error.message, "stderr"));
});
