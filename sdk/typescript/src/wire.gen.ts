// Written by scripts/generate.mjs from proto/cloudops/v1. Do not edit: npm run generate.
/* eslint-disable */

/** Where an execution is in its life; docs/types.md says what each means. */
export type Status =
  | "pending" | "awaiting_approval" | "running"
  | "completed" | "failed" | "cancelled" | "timeout" | "rejected" | "lost";
/** Why an execution ended. */
export type Cause =
  | "exit" | "signal" | "spawn" | "output_limit" | "memory_limit" | "process_limit" | "cancel" | "shutdown"
  | "timeout" | "idle_timeout" | "queue_timeout" | "policy" | "lost" | "commands";
/** How far a command of a plan is: its execution's status, or what the plan has decided. */
export type PlanState = Status | "skipped" | "passed" | "retrying";
/** The kind of an event. */
export type EventType =
  | "accepted" | "status_changed" | "started" | "stdout" | "stderr" | "stopping" | "killing" | "resized"
  | "deadline_extended" | "gap" | "completed" | "failed" | "cancelled" | "timeout" | "rejected" | "lost"
  | "progress" | "missed";
/** One of the two streams of a command. On a terminal there is stdout alone. */
export type Stream = "stdout" | "stderr";
/** What kind of actor asks. */
export type ActorKind = "human" | "agent" | "schedule" | "service";

/** How a plan ended. */
export interface PlanResult {
  plan_id: string;
  status: Status;
  /** By index, every matrix spelled out. What they wrote is with their executions. */
  results: PlanCommandResult[];
  stats: PlanStats;
  /** Such as "2.5s", exactly, and in milliseconds. */
  total_duration: string;
  total_duration_ms: number;
  /** What it took before, as a rule. Absent: nobody knows. */
  estimate_ms?: number;
}

/** How a command of a plan ended, or how far it is. */
export interface PlanCommandResult {
  /** Its number among all that run, and among the commands as the plan has them: -1 where that is not known. */
  index: number;
  of_plan: number;
  name: string;
  /** The execution of its last attempt. Absent: there was none. */
  id?: string;
  /** The status of that, or skipped, passed, retrying. */
  status: PlanState;
  success: boolean;
  /** -1 where there is none. */
  exit_code: number;
  error?: string;
  attempts?: number;
  started_at?: string;
  completed_at?: string;
  /** What it took before, as a rule. Absent: nobody knows. */
  estimate_ms?: number;
}

/** The commands of a plan by how they ended. */
export interface PlanStats {
  total: number;
  completed: number;
  failed: number;
  cancelled: number;
  timeout: number;
  rejected: number;
  lost: number;
  skipped: number;
  passed: number;
  /** Started and not over, and not started. */
  running: number;
  pending: number;
  /** How many executions there were. */
  attempts: number;
}

/** A command that a plan would run. */
export interface PlanStep {
  /** Its number among all that run, and among the commands as the plan has them. */
  index: number;
  of_plan: number;
  name: string;
  /** How many run one after the other before it, at least: those of one wave can run at once. */
  wave: number;
  /** What it waits for, by name: a cell of a matrix, or all of them. */
  after?: string[];
  /** What runs, secrets masked. */
  command_type: string;
  command: string;
}

/** One thing that is wrong with a plan. */
export interface PlanFault {
  /** Where, as a JSON pointer such as /commands/3/retry; empty: the whole. */
  path?: string;
  message: string;
}

/**
 * A request asks for one execution. Its JSON is that of docs/types.md, field by field: a duration is a whole
 * number of milliseconds, absent means the default, and 0 is an error. 2,147,483,647 ms is no limit at all.
 */
export interface ExecuteRequest {
  /** A UUID of any version: the name of the execution and the key of idempotency. Absent: one is made. */
  id?: string;
  /** What to run. Required. */
  command: Command;
  /**
   * The environment: what is set on top of what is inherited, what is not inherited, whether little or what
   * is listed is.
   */
  env?: Record<string, string>;
  unset_env?: string[];
  clean_env?: boolean;
  inherit_env?: string[];
  /** An absolute path. Absent: the working directory of the engine. */
  working_dir?: string;
  /** The longest it may run, write nothing, and wait for a slot. */
  timeout_ms?: number;
  idle_timeout_ms?: number;
  queue_timeout_ms?: number;
  /** Time between the stop signal and KILL, and how long its output may stay open in another's hands. */
  grace_ms?: number;
  wait_delay_ms?: number;
  /** TERM, INT, HUP, QUIT, USR1 or USR2. */
  stop_signal?: "TERM" | "INT" | "HUP" | "QUIT" | "USR1" | "USR2";
  /** "group" or "leader": who gets it. */
  kill_mode?: "group" | "leader";
  /** "end" or "leave": what becomes of processes that outlive it. */
  leftovers?: "end" | "leave";
  no_new_privileges?: boolean;
  /** What it reads: text, or bytes. One of them. */
  stdin?: string;
  /** In base64. */
  stdin_base64?: string;
  /** Its stdin stays open for WriteStdin. */
  interactive?: boolean;
  /** It gets a terminal of this size. */
  terminal?: TerminalSize;
  /** A file that gets a copy of its output, and "append" or "overwrite" where it may be there already. */
  output_log_path?: string;
  output_log_mode?: "append" | "overwrite";
  /** Tell the SHA-256 of each stream. */
  digest?: boolean;
  /** The exit codes that mean success. Absent: 0 alone. */
  success_codes?: number[];
  /** Values that are masked wherever they appear. */
  secrets?: string[];
  /** "values": mask values alone, and not what looks like a credential. */
  redact?: "values";
  limits?: Limits;
  actor?: Actor;
  metadata?: Metadata;
  /** A name that one execution has at a time. */
  lock?: string;
}

/**
 * A command is one flat object with its kind in type. Which fields a kind has stands in docs/types.md; one
 * that it does not have is an error.
 */
export interface Command {
  /** exec, shell, script, aws_cli, gcloud, az, kubectl, terraform or plan. */
  type?: string;
  args?: string[];
  /** exec */
  program?: string;
  /** shell */
  command?: string;
  shell?: string;
  /** script */
  path?: string;
  content?: string;
  name?: string;
  interpreter?: string;
  /** aws_cli */
  service?: string;
  operation?: string;
  profile?: string;
  region?: string;
  output?: string;
  /** gcloud */
  project?: string;
  account?: string;
  configuration?: string;
  zone?: string;
  format?: string;
  /** az */
  subscription?: string;
  /** kubectl */
  context?: string;
  namespace?: string;
  kubeconfig?: string;
  /** terraform */
  subcommand?: string;
  dir?: string;
  variables?: Record<string, string>;
  var_files?: string[];
  auto_approve?: boolean;
  color?: boolean;
  /** plan, as docs/plans.md has its fields. Its id, its metadata, its timeout and its lock are those of the request. */
  description?: string;
  strategy?: Record<string, unknown>;
  commands?: Record<string, unknown>[];
  halt?: Record<string, unknown>;
}

/** The size of a terminal in characters; 0 is the default, 24 rows of 80. */
export interface TerminalSize {
  rows?: number;
  cols?: number;
}

/** What an execution may use. Absent: what the engine is set to, else no limit. */
export interface Limits {
  output_bytes?: number;
  /** TruncateWithWarning, FailExecution or StreamToFile. */
  oversized_output_strategy?: "TruncateWithWarning" | "FailExecution" | "StreamToFile";
  memory_bytes?: number;
  cpus?: number;
  processes?: number;
  open_files?: number;
  /** Run it without the limits that cannot be enforced. */
  best_effort?: boolean;
}

/**
 * Who asks. Of a client a daemon takes it for what it is: for whom they say that they ask. In its answers it is
 * whom it has let in.
 */
export interface Actor {
  /** human, agent, schedule or service; in answers user or token as well. */
  kind?: ActorKind;
  name?: string;
  /** What the daemon lets them do: viewer, operator, approver or admin. */
  role?: string;
  /** For whom they say that they ask, as KIND:NAME. Nobody has checked it. */
  on_behalf_of?: string;
}

/** What is carried along for the caller; List can choose by it. */
export interface Metadata {
  source?: string;
  /** A UUID. */
  conversation_id?: string;
  tags?: Record<string, string>;
}

/** What is known of an execution, without its output. */
export interface Execution {
  id: string;
  /** pending, running, completed, failed, cancelled, timeout, awaiting_approval, rejected or lost. */
  status: Status;
  /** The type of its command, and what runs, quoted, secrets masked. */
  command_type: string;
  command: string;
  actor?: Actor;
  metadata?: Metadata;
  accepted_at: string;
  /** Absent: it has not started, has not ended. */
  started_at?: string;
  completed_at?: string;
  /** Of the run so far, such as "2.5s", exactly, and in milliseconds. */
  duration: string;
  duration_ms: number;
  /** When its timeout ends it. Absent: it does not run, or has none. */
  deadline?: string;
  /** How many wait before it, itself included. */
  queue_position?: number;
  /** -1 where there is none. */
  exit_code: number;
  /** The end of its record so far. */
  cursor: number;
  /** The lock that it waits for, and the execution that has it. */
  lock?: string;
  locked_by?: string;
}

/** How an execution ended, and what it wrote. */
export interface Result {
  id: string;
  status: Status;
  /** It exited by itself with a success code. */
  success: boolean;
  /** Why it ended; docs/types.md lists the causes. */
  cause: Cause;
  /** -1 where there is none. */
  exit_code: number;
  /** The signal that ended it, such as SEGV. */
  signal?: string;
  /** Why it is no success, in words. */
  error?: string;
  /** What is kept of its output, as text. The bytes stand beside it where the text is not exact. */
  stdout: string;
  stderr: string;
  /** In base64. */
  stdout_base64?: string;
  /** In base64. */
  stderr_base64?: string;
  output: Counts;
  accepted_at: string;
  /** Absent: it never ran. */
  started_at?: string;
  completed_at: string;
  /** Of the run, such as "2.5s", exactly, and in milliseconds. */
  duration: string;
  duration_ms: number;
  /** Between acceptance and start. */
  queued_ms: number;
  /** Who cancelled it. */
  cancelled_by?: Actor;
  /** KILL was needed. */
  forced?: boolean;
  /** Another process held its output open, and may have written more. */
  output_incomplete?: boolean;
  /** How many processes outlived it and were ended, and which live on. */
  swept?: number;
  survivors?: Survivor[];
  /** How its tree was held together. */
  containment?: string;
  /** Limits that stood in its way, and that could not be enforced. */
  limits_hit?: string[];
  unenforced?: string[];
  /** The file with a copy of its output, and why that copy is not whole. */
  log_path?: string;
  log_error?: string;
  usage: Usage;
  /** The end of its record. */
  cursor: number;
  /** Of a plan: how its commands ended. */
  plan?: PlanResult;
}

/** What was recorded of both streams, and what was left out. */
export interface Counts {
  stdout_bytes: number;
  stdout_lines: number;
  stdout_omitted_bytes?: number;
  stdout_omitted_lines?: number;
  stderr_bytes: number;
  stderr_lines: number;
  stderr_omitted_bytes?: number;
  stderr_omitted_lines?: number;
  truncated: boolean;
  /** How often something was masked. */
  masks?: number;
  /** In hexadecimal, where the request asked for it. */
  stdout_sha256?: string;
  stderr_sha256?: string;
}

/** What its processes used; 0 where the system does not tell. */
export interface Usage {
  user_ms: number;
  system_ms: number;
  peak_memory_bytes: number;
  voluntary_switches: number;
  involuntary_switches: number;
  read_blocks: number;
  write_blocks: number;
}

/** A process that outlived its execution. */
export interface Survivor {
  pid: number;
  command: string;
}

/** Chooses executions: those for which all that is given holds. */
export interface Filter {
  /** What the id begins with, in hex digits. */
  id_prefix?: string;
  /** Any of these statuses, and any of these types of command. */
  status?: Status[];
  command_type?: string[];
  /** The name of the program, without its folder. */
  program?: string;
  /** All of these labels. */
  tags?: Record<string, string>;
  source?: string;
  conversation_id?: string;
  exit_code?: number;
  /** Text in the command as it is shown. */
  text?: string;
  /** Since ≤ accepted < until. */
  since?: string;
  until?: string;
  /** The most to return: by default 100, at most 1,000. */
  limit?: number;
  /** The next of the page before. */
  after?: string;
  /** Those that were accepted first come first. */
  oldest?: boolean;
  /** Count all that match. */
  total?: boolean;
}

/** Counts since the engine was made; the first three, and the memory, are of now. */
export interface Stats {
  running: number;
  queued: number;
  finished: number;
  accepted: number;
  completed: number;
  failed: number;
  cancelled: number;
  timeout: number;
  rejected: number;
  lost: number;
  expired: number;
  output_memory_bytes: number;
}

/** What the machine lets the engine do. */
export interface Capabilities {
  /** cgroup, reaper, job or group, and why it is not the strongest. */
  containment?: string;
  why_not_stronger?: string;
  limits?: LimitSupport[];
}

/** How a limit is enforced, or why it cannot be. */
export interface LimitSupport {
  limit: string;
  by?: string;
  why?: string;
}

/**
 * One thing that happened to an execution: a line of its output, or a step of its life. It is flat; event_type
 * says which fields mean something. docs/types.md lists them.
 */
export interface Event {
  event_type: EventType;
  execution_id: string;
  timestamp: string;
  /** Where a reader goes on that has seen this event. */
  cursor: number;
  /** stdout and stderr: a line as text, and its bytes where the text is not exact. */
  line?: string;
  /** In base64. */
  line_base64?: string;
  /** Counted from 1 in its stream. */
  line_number?: number;
  /** It has no end yet, and comes again, whole, with the same number. */
  partial?: boolean;
  /** The next of the same number goes on where it stops. */
  continues?: boolean;
  /** No newline ends it. */
  unended?: boolean;
  /**
   * Instead of line, where WatchRequest.packed asks for it: lines that follow each other in their stream and have
   * one time, a newline behind each. line_number is that of the first, cursor stands behind the last.
   * In base64.
   */
  lines_base64?: string;
  /** accepted, started */
  command?: string;
  /** accepted: who asked. */
  actor?: Actor;
  /** The last event of an execution. */
  result?: Result;
  error?: string;
  /** timeout; 2,147,483,647 is that and more. */
  timeout_ms?: number;
  /** status_changed */
  old_status?: Status;
  new_status?: Status;
  /** deadline_extended */
  deadline?: string;
  /** resized */
  rows?: number;
  cols?: number;
  /** gap: output that is no longer there. */
  stream?: Stream;
  bytes?: number;
  missed?: Missed;
  /** progress */
  plan_id?: string;
  completed?: number;
  total?: number;
  current_command?: string;
  /** What became of that command: its index among all that run, its execution, which attempt that is, and its state. */
  command_index?: number;
  command_id?: string;
  command_attempt?: number;
  command_status?: PlanState;
  /** How long the command ran, where it is over and did; how long it and the plan took before, as a rule. Absent: nobody knows. */
  command_elapsed_ms?: number;
  command_estimate_ms?: number;
  estimate_ms?: number;
}

/** What a handler that was too slow did not get. */
export interface Missed {
  executions?: number;
  events?: number;
}

/** A piece of what an execution wrote, in the bytes it wrote, or a gap. */
export interface Chunk {
  /** stdout or stderr. */
  stream: Stream;
  /** In base64. */
  data?: string;
  /** How many bytes are no longer there; 0 unless this is a gap. */
  skipped?: number;
  timestamp: string;
  /** Where a reader goes on that has seen this piece. */
  cursor: number;
}

/** One line of output. */
export interface Line {
  stream: Stream;
  /** Counted from 1 in its stream. */
  line_number: number;
  /** Where a reader goes on that has seen this line. */
  cursor: number;
  timestamp: string;
  /** The line without its newline as text, and its bytes where the text is not exact. */
  line: string;
  /** In base64. */
  line_base64?: string;
  partial?: boolean;
  continues?: boolean;
  unended?: boolean;
}

/** Chooses lines of output, of what there is now. What is given has to hold together. */
export interface LineQuery {
  /** stdout, stderr; none: both. */
  streams?: Stream[];
  /** What a reader has seen who goes on from there is not chosen. */
  from?: number;
  /** The last so many lines of the streams, before contains and match have their say. */
  last?: number;
  /** The lines that the last so many bytes of the streams are in. */
  last_bytes?: number;
  /** The numbers of lines, both included. */
  first_number?: number;
  last_number?: number;
  /** Since ≤ time < until. */
  since?: string;
  until?: string;
  /** Text that a line has, and a regular expression that it matches, in the syntax of RE2. */
  contains?: string;
  match?: string;
  /** Without escape sequences and control characters. */
  plain?: boolean;
  /** At most so many: the first that are chosen. */
  limit?: number;
}

/** What went wrong: the detail of an error of any call, and what a stream says of one execution. */
export interface Error {
  /** The stable name of the condition, such as not_found; docs/error-handling.md lists them. */
  code: string;
  message: string;
  /** What to do about it, in a sentence for people. */
  hint?: string;
  /** The same call may succeed later without a change. */
  retryable?: boolean;
  /** All conditions that hold, the first of them code. */
  conditions?: string[];
}

/** The JSON of ExecuteResponse. */
export interface ExecuteResponse {
  id: string;
}

/** The JSON of ExecuteBatchRequest. */
export interface ExecuteBatchRequest {
  /** At most 1,000. */
  requests?: ExecuteRequest[];
}

/** The JSON of ExecuteBatchResponse. */
export interface ExecuteBatchResponse {
  /** One for each request, in their order. */
  outcomes?: Outcome[];
}

/** What became of one request: an id, or an error. */
export interface Outcome {
  id?: string;
  error?: Error;
}

/** The JSON of CheckPlanRequest. */
export interface CheckPlanRequest {
  /** Whose command is a plan. */
  request: ExecuteRequest;
}

/** The JSON of CheckPlanResponse. */
export interface CheckPlanResponse {
  steps?: PlanStep[];
  /** Where there are any there are no steps. */
  faults?: PlanFault[];
}

/** The JSON of GetRequest. */
export interface GetRequest {
  id: string;
}

/** The JSON of GetResponse. */
export interface GetResponse {
  execution: Execution;
}

/** The JSON of RecordRequest. */
export interface RecordRequest {
  id?: string;
}

/** The JSON of RecordResponse. */
export interface RecordResponse {
  execution?: Execution;
  /**
   * What was asked: without secrets and stdin, in whose place is [REDACTED]. Absent while it waits for its start: the
   * request is whole until then, and nobody's.
   */
  request?: ExecuteRequest;
  /** How it ended, without its output. Absent before. */
  result?: Result;
}

/** The JSON of ListRequest. */
export interface ListRequest {
  filter?: Filter;
}

/** The JSON of ListResponse. */
export interface ListResponse {
  executions?: Execution[];
  /** What filter.after takes to go on. Absent: this was the last page. */
  next?: string;
  /** How many match, where filter.total asked for it. */
  total?: number;
}

/** The JSON of WaitRequest. */
export interface WaitRequest {
  id: string;
  /** How long to wait: at most a minute, and by default half of one. 0 asks whether it has ended. */
  wait_ms?: number;
  /** Leave stdout and stderr out of the result. */
  without_output?: boolean;
}

/** The JSON of WaitResponse. */
export interface WaitResponse {
  /** Absent: it has not ended. */
  result?: Result;
}

/** The JSON of WatchRequest. */
export interface WatchRequest {
  /** At most 1,000. */
  executions: Position[];
  /** Leave stdout and stderr out of results: whoever follows from the start has seen them. */
  without_output?: boolean;
  /**
   * The longest that the stream says nothing: an empty message says that it is alive. By default 15 s, at least
   * one, at most a minute.
   */
  keep_alive_ms?: number;
  /** Lines that follow each other come as one event, in lines_base64: five times as many a second. */
  packed?: boolean;
  /**
   * The first of the executions is a plan, and its commands are followed, too, as one stream: each between the event that
   * it runs and the one that it is over. The others say where to go on in commands of it.
   */
  plan?: boolean;
}

/** Where to go on in the record of an execution. */
export interface Position {
  id: string;
  /** What the last event that was seen has as its cursor; 0 is the start. */
  from?: number;
  /** Leave its output out, and what is missing of it: who waits for its end needs no lines. */
  without_lines?: boolean;
}

/** The JSON of WatchResponse. */
export interface WatchResponse {
  /** At most 128, or 64 KiB, or what came within 25 ms. Lines that are packed count as one. */
  events?: Event[];
  /** Executions that are not followed, or not any more. */
  failures?: Failure[];
}

/** An execution whose events cannot be had. */
export interface Failure {
  execution_id: string;
  error: Error;
}

/** The JSON of ReadOutputRequest. */
export interface ReadOutputRequest {
  id: string;
  /** Lines of what there is now. Absent: bytes, from a cursor on, and live. */
  lines?: LineQuery;
  from?: number;
  /** As of WatchRequest. */
  keep_alive_ms?: number;
}

/** The JSON of ReadOutputResponse. */
export interface ReadOutputResponse {
  chunks?: Chunk[];
  lines?: Line[];
}

/** The JSON of CancelRequest. */
export interface CancelRequest {
  id: string;
  /** Kill at once. */
  force?: boolean;
  /** Who cancels. */
  actor?: Actor;
}

/** The JSON of CancelResponse. */
export interface CancelResponse {}

/** The JSON of ExtendDeadlineRequest. */
export interface ExtendDeadlineRequest {
  id: string;
  by_ms: number;
}

/** The JSON of ExtendDeadlineResponse. */
export interface ExtendDeadlineResponse {
  /** The new one. Absent while it does not run. */
  deadline?: string;
}

/** The JSON of WriteStdinRequest. */
export interface WriteStdinRequest {
  id: string;
  /** In base64. */
  data: string;
  /** How long to wait for the process to read: at most a minute, and by default half of one. */
  wait_ms?: number;
}

/** The JSON of WriteStdinResponse. */
export interface WriteStdinResponse {
  /** How many bytes were taken. */
  written?: number;
}

/** The JSON of CloseStdinRequest. */
export interface CloseStdinRequest {
  id: string;
}

/** The JSON of CloseStdinResponse. */
export interface CloseStdinResponse {}

/** The JSON of ResizeRequest. */
export interface ResizeRequest {
  id: string;
  rows: number;
  cols: number;
}

/** The JSON of ResizeResponse. */
export interface ResizeResponse {}

/** The JSON of AddSecretsRequest. */
export interface AddSecretsRequest {
  id: string;
  secrets: string[];
}

/** The JSON of AddSecretsResponse. */
export interface AddSecretsResponse {}

/** Chooses what has ended: all that any field chooses. */
export interface DeleteRequest {
  ids?: string[];
  /** All that match; its limit, after, oldest and total do not count. */
  match?: Filter;
  ended_before?: string;
  /** All but so many. */
  keep?: number;
  /** As many as have to go for the rest to take no more than this. */
  keep_bytes?: number;
  /** What is too old or too many by the engine's own settings. It goes alone. */
  overdue?: boolean;
}

/** The JSON of DeleteResponse. */
export interface DeleteResponse {
  deleted?: number;
}

/** The JSON of StatsRequest. */
export interface StatsRequest {}

/** The JSON of StatsResponse. */
export interface StatsResponse {
  stats: Stats;
}

/** The JSON of InfoRequest. */
export interface InfoRequest {}

/** The JSON of InfoResponse. */
export interface InfoResponse {
  /** Of the program that answers. */
  version: string;
  /** Its system and architecture, such as linux/amd64. */
  platform: string;
  capabilities?: Capabilities;
}

/** The verbs that are answered once: what each takes and gives. */
export interface UnaryMethods {
  Execute: [ExecuteRequest, ExecuteResponse];
  ExecuteBatch: [ExecuteBatchRequest, ExecuteBatchResponse];
  CheckPlan: [CheckPlanRequest, CheckPlanResponse];
  Get: [GetRequest, GetResponse];
  Record: [RecordRequest, RecordResponse];
  List: [ListRequest, ListResponse];
  Wait: [WaitRequest, WaitResponse];
  Cancel: [CancelRequest, CancelResponse];
  ExtendDeadline: [ExtendDeadlineRequest, ExtendDeadlineResponse];
  WriteStdin: [WriteStdinRequest, WriteStdinResponse];
  CloseStdin: [CloseStdinRequest, CloseStdinResponse];
  Resize: [ResizeRequest, ResizeResponse];
  AddSecrets: [AddSecretsRequest, AddSecretsResponse];
  Delete: [DeleteRequest, DeleteResponse];
  Stats: [StatsRequest, StatsResponse];
  Info: [InfoRequest, InfoResponse];
}

/** The verbs that are answered by a stream. */
export interface StreamMethods {
  Watch: [WatchRequest, WatchResponse];
  ReadOutput: [ReadOutputRequest, ReadOutputResponse];
}

/** Fields that are 64 bits wide: text in proto JSON, numbers here. */
export const wideFields: RegExp = /(?:_ms|_switches|_blocks|bytes|lines)$|^(?:accepted|cancelled|completed|cursor|events|executions|expired|failed|line_number|lost|masks|rejected|skipped|timeout)$/;

/** Fields whose keys are the caller's own. */
export const mapFields: ReadonlySet<string> = /* @__PURE__ */ new Set(["tags"]);
