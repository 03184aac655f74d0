import { useStartExecution } from "@cloudops/engine/react";
import { type FormEvent, useState } from "react";
import { Controls } from "./Controls.js";
import { Terminal } from "./Terminal.js";

const example = 'for i in $(seq 1 2000); do echo "line $i"; sleep 0.01; done';

export function App() {
  const [command, setCommand] = useState(example);
  const { start, execution, pending, error } = useStartExecution();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    start({ command: { type: "shell", command } }).catch(() => undefined); // `error` has it
  };

  return (
    <main>
      <form onSubmit={submit}>
        <input aria-label="command" value={command} onChange={(e) => setCommand(e.target.value)} />
        <button disabled={pending}>Run</button>
      </form>
      {error instanceof Error && <p role="alert">{error.message}</p>}
      {execution && <Controls id={execution.id} />}
      {execution && <Terminal key={execution.id} id={execution.id} />}
    </main>
  );
}
