import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { createEngine } from "../src/index.js";
import { type TauriCommand, tauriTransport } from "../src/tauri/index.js";
import { binary } from "./daemon.js";
import { suite } from "./suite.js";

/**
 * The shell plugin of Tauri v2, as its source has it: an event for each line, its end included, cut at \n and else at
 * \r, one after the other; and writes that may not overtake each other.
 */
class FakeCommand extends EventEmitter implements TauriCommand {
  readonly stdout = new EventEmitter();
  readonly stderr = new EventEmitter();
  readonly #program: string;
  #child!: ChildProcess;

  constructor(program: string) {
    super();
    this.#program = program;
  }

  async spawn() {
    const child = (this.#child = spawn(this.#program, ["sidecar"], { stdio: "pipe" }));
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    const closed = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
    const told = Promise.all([this.#tell("stdout"), this.#tell("stderr")]);
    void told.then(() => closed).then((payload) => this.emit("close", payload));
    return {
      write: (data: string) => new Promise<void>((resolve, reject) => child.stdin.write(data, (e) => (e ? reject(e) : resolve()))),
      kill: () => Promise.resolve(void child.kill("SIGKILL")),
    };
  }

  async #tell(stream: "stdout" | "stderr"): Promise<void> {
    let rest = "";
    for await (const chunk of this.#child[stream]!.setEncoding("utf8")) {
      rest += chunk as string;
      for (let line; (line = /^[^\n]*\n|^[^\r]*\r/.exec(rest)?.[0]); rest = rest.slice(line.length)) {
        this[stream].emit("data", line);
        await null; // the channel of the plugin holds one
      }
    }
    if (rest) this[stream].emit("data", rest);
  }
}

const transport = () => tauriTransport(() => new FakeCommand(binary()));
suite("Tauri's shell plugin, to the sidecar", () => Promise.resolve({ transport: transport() }));

test("a sidecar that is not there is said, with what to do", async () => {
  const engine = createEngine({ transport: tauriTransport(() => new FakeCommand("no-such-program")) });
  await expect(engine.info()).rejects.toMatchObject({ code: "sidecar_missing", hint: expect.stringContaining("externalBin") });
});
