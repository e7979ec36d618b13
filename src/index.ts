export type {
  Base,
  BaseKind,
  Capabilities,
  Change,
  Engine,
  Entry,
  ExecOutcome,
  ExecRequest,
  ImportEntry,
  ImportPlan,
  ImportRecord,
  LimitMet,
  Limits,
  NetworkMode,
  OpenOptions,
  RawOutput,
  Snapshot,
  StreamName,
  Support,
  User,
} from "./engine.js";
export { type DaggerOptions, dagger } from "./engines/dagger/index.js";
export { type LocalOptions, local } from "./engines/local/index.js";
export { type ErrorCode, SandboxError, type SandboxErrorDetails } from "./errors.js";
export type {
  Command,
  CreateOptions,
  Data,
  EngineChoice,
  ExecBytesOptions,
  ExecOptions,
  ExecResult,
  ExportOptions,
  ExportResult,
  FileToWrite,
  OperationOptions,
  RefreshOptions,
  RefreshResult,
  Skipped,
} from "./options.js";
export { type DatabricksEnv, databricksEnv } from "./sandbox/databricks.js";
export { Sandbox } from "./sandbox/sandbox.js";
export type {
  BuildConfig,
  CheckConfig,
  CommandConfig,
  ConfigFile,
  ReportFiles,
  SetupConfig,
  SourcesConfig,
} from "./validation/config/types.js";
export type {
  Artifacts,
  CandidatePlan,
  CandidateReport,
  ExitCode,
  Registry,
  Report,
  StepError,
  StepId,
  StepKind,
  StepReport,
  TestCounts,
  ValidateSpec,
  ValidationEvent,
  Verdict,
} from "./validation/types.js";
export { validate } from "./validation/validate.js";
