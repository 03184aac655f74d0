// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { act, cleanup, render, screen, waitFor } from "@testing-library/react";
import { type ReactNode, StrictMode, useState } from "react";
import { afterEach, expect, test } from "vitest";
import { isLine } from "../src/index.js";
import {
  EngineProvider,
  executionQueryOptions,
  LogStore,
  useEngine,
  useExecution,
  useExecutionLogs,
  useExecutions,
  useStartExecution,
} from "../src/react/index.js";
import { createFakeEngine, type FakeEngine } from "../src/testing/index.js";

afterEach(cleanup);

const make = { command: { type: "exec" as const, program: "make" } };

function show(engine: FakeEngine, children: ReactNode) {
  return render(
    <StrictMode>
      <EngineProvider engine={engine}>{children}</EngineProvider>
    </StrictMode>,
  );
}

function Log({ id }: { id: string }) {
  const log = useExecutionLogs(id);
  return (
    <pre data-testid="log" data-state={log.state}>
      {log.slice().map((e) => (isLine(e) ? `${e.line}\n` : `[${e.bytes} bytes are missing]\n`))}
    </pre>
  );
}

test("a log is shown as it comes, a prompt is replaced by its line, over a cut and a second mount", async () => {
  const engine = createFakeEngine({
    script: () => [{ stdout: "one\nPass" }, { wait: 10 }, { stdout: "word\n" }, { gap: 7 }, { wait: 10 }, { stdout: "last" }],
  });
  const { id } = await engine.executions.start(make);
  const page = show(engine, <Log id={id} />);
  const text = () => screen.getByTestId("log").textContent;
  await waitFor(() => expect(text()).toBe("one\nPass\n"));
  engine.fake.cut();
  await act(() => engine.clock.advance(10));
  await waitFor(() => expect(text()).toBe("one\nPassword\n[7 bytes are missing]\n"));
  page.unmount();
  show(engine, <Log id={id} />);
  await act(() => engine.clock.advance(10));
  await waitFor(() => expect(text()).toBe("one\nPassword\n[7 bytes are missing]\nlast\n"));
  await waitFor(() => expect(screen.getByTestId("log").dataset["state"]).toBe("ended"));
});

test("ten thousand lines are few updates, and the store holds the last of them", async () => {
  const lines = Array.from({ length: 10_000 }, (_, i) => ({ stdout: `${i}\n` }));
  const engine = createFakeEngine({ script: () => lines });
  const { id } = await engine.executions.start(make);
  const store = new LogStore(engine, id, { capacity: 1000 });
  let updates = 0;
  await new Promise<void>((ended) => {
    const leave = store.subscribe(() => {
      updates++;
      if (store.view().state === "ended") (leave(), ended());
    });
  });
  const view = store.view();
  expect([view.length, view.dropped]).toEqual([1000, 9000]);
  expect([view.at(0), view.at(999), view.at(1000)].map((e) => e && isLine(e) && e.line)).toEqual(["9000", "9999", undefined]);
  expect([view.slice(998, 5000), view.slice(-3), view.slice(-5000), view.slice(2, -997)].map((s) => s.length)).toEqual([2, 3, 1000, 1]);
  expect(updates).toBeLessThan(1000);
});

test("a button starts a command, and its state is followed to its end", async () => {
  const engine = createFakeEngine({ script: () => [{ wait: 50 }, { exit: 2 }] });
  function Status({ id }: { id: string }) {
    const { execution, loading } = useExecution(id);
    return <p>{loading ? "loading" : `${execution?.status} ${execution?.exit_code}`}</p>;
  }
  function Page() {
    const { start, execution, pending } = useStartExecution();
    return (
      <>
        <button onClick={() => void start(make)}>{pending ? "starting" : "start"}</button>
        {execution && <Status id={execution.id} />}
      </>
    );
  }
  show(engine, <Page />);
  await act(async () => screen.getByText("start").click());
  await screen.findByText("running -1");
  await act(() => engine.clock.advance(50));
  await screen.findByText("failed 2");
});

test("a list is asked for anew, and errors are shown", async () => {
  const engine = createFakeEngine();
  function List() {
    const { executions } = useExecutions({}, { pollMs: 5 });
    const [id, setId] = useState("01900000-0000-7000-8000-000000000000");
    const log = useExecutionLogs(id);
    return (
      <>
        <p>{executions.length} executions</p>
        <p onClick={() => setId("")}>{log.state}</p>
      </>
    );
  }
  show(engine, <List />);
  await screen.findByText("0 executions");
  await screen.findByText("failed"); // there is no such execution
  await act(async () => void (await engine.executions.start(make)));
  await screen.findByText("1 executions");
});

test("query options go into TanStack Query", async () => {
  const engine = createFakeEngine({ script: () => [{ wait: 1000 }] });
  const { id } = await engine.executions.start(make);
  function Status() {
    const { data } = useQuery(executionQueryOptions(useEngine(), id));
    return <p>{data?.status ?? "asking"}</p>;
  }
  show(engine, <QueryClientProvider client={new QueryClient()}>{<Status />}</QueryClientProvider>);
  await screen.findByText("running");
});
