// The typed client of the Cloudops Execution Engine. It depends on nothing.
export { createEngine, type Engine, type EngineOptions } from "./engine.js";
export { type ErrorCode, type ErrorDetail, EngineError, ExecutionFailedError, isEngineError } from "./errors.js";
export { Executions, type Page, type RunOptions } from "./executions.js";
export { type FetchOptions, fetchTransport, type Token } from "./fetch.js";
export type { FollowOptions, FollowState } from "./follower.js";
export { type CancelOptions, ExecutionHandle, type LineListener, type ResultOptions } from "./handle.js";
export type { LogOptions, LogStream } from "./logs.js";
export type { CallOptions, Transport } from "./transport.js";
export {
  type Command,
  type Ending,
  type ExecutionEvent,
  isEnding,
  isLine,
  type LifeEvent,
  type LogEntry,
  type OutputGap,
  type OutputLine,
  type Request,
} from "./types.js";
export { uuid } from "./uuid.js";
export type {
  Actor,
  ActorKind,
  Capabilities,
  Cause,
  Counts,
  DeleteRequest,
  EventType,
  Execution,
  Filter,
  InfoResponse,
  Limits,
  LimitSupport,
  LineQuery,
  Metadata,
  Result,
  Stats,
  Status,
  Stream,
  StreamMethods,
  Survivor,
  TerminalSize,
  UnaryMethods,
  Usage,
} from "./wire.gen.js";
