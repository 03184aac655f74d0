// React hooks on an engine.
export { EngineProvider, useEngine } from "./context.js";
export {
  type Asked,
  type LiveExecution,
  type LiveExecutions,
  type Starting,
  useExecution,
  useExecutionLogs,
  useExecutions,
  useStartExecution,
} from "./hooks.js";
export { LogStore, type LogStoreOptions, type LogView } from "./logStore.js";
export { executionQueryOptions, executionsQueryOptions, type QueryOptions, resultQueryOptions } from "./queries.js";
