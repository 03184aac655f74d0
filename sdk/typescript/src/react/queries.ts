import type { Engine } from "../engine.js";
import type { Page } from "../executions.js";
import type { Execution, Filter, Result } from "../wire.gen.js";

/** What TanStack Query takes, and SWR with one line more. Nothing of either is imported here. */
export interface QueryOptions<T, K extends readonly unknown[]> {
  queryKey: K;
  queryFn: (context: { signal: AbortSignal }) => Promise<T>;
}

/** What is known of an execution: `useQuery(executionQueryOptions(engine, id))`. */
export const executionQueryOptions = (engine: Engine, id: string): QueryOptions<Execution, readonly ["cloudops", "execution", string]> => ({
  queryKey: ["cloudops", "execution", id],
  queryFn: ({ signal }) => engine.executions.get(id).describe({ signal }),
});

/** How an execution ends; pending until it has. */
export const resultQueryOptions = (engine: Engine, id: string): QueryOptions<Result, readonly ["cloudops", "result", string]> => ({
  queryKey: ["cloudops", "result", id],
  queryFn: ({ signal }) => engine.executions.get(id).result({ signal }),
});

/** One page of executions. */
export const executionsQueryOptions = (engine: Engine, filter: Filter = {}): QueryOptions<Page, readonly ["cloudops", "executions", Filter]> => ({
  queryKey: ["cloudops", "executions", filter],
  queryFn: ({ signal }) => engine.executions.list(filter, { signal }),
});
