import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Page } from "../executions.js";
import type { FollowState } from "../follower.js";
import type { ExecutionHandle } from "../handle.js";
import { isEnding, type Request } from "../types.js";
import type { Execution, Filter } from "../wire.gen.js";
import { useEngine } from "./context.js";
import { LogStore, type LogStoreOptions, type LogView } from "./logStore.js";

/** The output of an execution, live, with at most one update a frame. */
export function useExecutionLogs(id: string, { follow, stream, tail, capacity }: LogStoreOptions = {}): LogView & { retry(): void } {
  const engine = useEngine();
  const store = useMemo(
    () => new LogStore(engine, id, { follow, stream, tail, capacity }),
    [engine, id, follow, stream, tail, capacity],
  );
  const view = useSyncExternalStore(store.subscribe, store.view, store.view);
  return useMemo(() => ({ ...view, retry: store.retry }), [view, store]);
}

/** What a hook has of something that is asked for. */
export interface Asked {
  loading: boolean;
  error: unknown;
}

export interface LiveExecution extends Asked {
  /** Absent: it has not been heard of yet. */
  execution: Execution | undefined;
  state: FollowState | undefined;
  handle: ExecutionHandle;
}

/** What is known of an execution, anew with each step of its life. */
export function useExecution(id: string): LiveExecution {
  const engine = useEngine();
  const handle = useMemo(() => engine.executions.get(id), [engine, id]);
  const [known, setKnown] = useState<Omit<LiveExecution, "handle"> & { of?: ExecutionHandle }>(nothing);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const set = (more: Partial<LiveExecution>) => {
      if (!signal.aborted) setKnown((k) => ({ ...(k.of === handle ? k : nothing), of: handle, ...more }));
    };
    const follow = async () => {
      let execution = await handle.describe({ signal });
      set({ execution, loading: false, error: undefined });
      if (isEnding(execution.status)) return;
      const onState = (state: FollowState) => set({ state });
      for await (const batch of handle.eventBatches({ signal, onState, after: execution.cursor, lines: false })) {
        void batch; // that there is one says that it is another now
        execution = await handle.describe({ signal });
        set({ execution });
      }
    };
    follow().catch((error: unknown) => set({ error, loading: false }));
    return () => stop.abort();
  }, [handle]);
  const { of, ...rest } = known;
  return { ...(of === handle ? rest : nothing), handle };
}

const nothing = { execution: undefined, state: undefined, loading: true, error: undefined };

export interface LiveExecutions extends Asked, Partial<Page> {
  executions: Execution[];
  refresh(): void;
}

/** The executions that match, asked for anew every `pollMs` (2,000) while the page is shown. */
export function useExecutions(filter: Filter = {}, { pollMs = 2000 }: { pollMs?: number } = {}): LiveExecutions {
  const engine = useEngine();
  const key = JSON.stringify(filter);
  const [page, setPage] = useState<Asked & Page>({ executions: [], loading: true, error: undefined });
  const refresh = useRef<() => void>(() => undefined);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      clearTimeout(timer);
      try {
        if (!(typeof document === "object" && document.hidden)) {
          const next = await engine.executions.list(JSON.parse(key) as Filter, { signal });
          if (!signal.aborted) setPage({ ...next, loading: false, error: undefined });
        }
      } catch (error) {
        if (!signal.aborted) setPage((p) => ({ ...p, loading: false, error }));
      }
      if (!signal.aborted) timer = setTimeout(() => void ask(), pollMs);
    };
    refresh.current = () => void ask();
    void ask();
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [engine, key, pollMs]);
  return { ...page, refresh: useCallback(() => refresh.current(), []) };
}

export interface Starting {
  /** Starts a command. It rejects as `executions.start` does; `error` has it as well. */
  start(request: Request): Promise<ExecutionHandle>;
  /** What was started last. */
  execution: ExecutionHandle | undefined;
  pending: boolean;
  error: unknown;
  reset(): void;
}

/** Starts commands. What was started goes on when the component is gone. */
export function useStartExecution(): Starting {
  const engine = useEngine();
  const [state, setState] = useState<Pick<Starting, "execution" | "pending" | "error">>(idle);
  const start = useCallback(
    async (request: Request) => {
      setState((s) => ({ ...s, pending: true, error: undefined }));
      try {
        const execution = await engine.executions.start(request);
        setState({ execution, pending: false, error: undefined });
        return execution;
      } catch (error) {
        setState((s) => ({ ...s, pending: false, error }));
        throw error;
      }
    },
    [engine],
  );
  return { ...state, start, reset: useCallback(() => setState(idle), []) };
}

const idle = { execution: undefined, pending: false, error: undefined };
