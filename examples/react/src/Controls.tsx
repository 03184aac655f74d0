import { isEnding } from "@cloudops/engine";
import { useExecution } from "@cloudops/engine/react";

/** What an execution is doing, and a button that ends it. */
export function Controls({ id }: { id: string }) {
  const { execution, handle, loading, error } = useExecution(id);
  if (error instanceof Error) return <p role="alert">{error.message}</p>;
  if (loading || !execution) return <p className="bar">…</p>;

  const { status, exit_code } = execution;
  const ended = isEnding(status);
  return (
    <p className="bar">
      <b data-status={status}>{status}</b>
      {ended && ` with exit code ${exit_code}`}
      <button disabled={ended} onClick={() => void handle.cancel()}>
        Cancel
      </button>
    </p>
  );
}
