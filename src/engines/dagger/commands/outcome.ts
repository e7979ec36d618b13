import type { ExecOutcome, ExecRequest, RawOutput } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { exactBytes, exportBytes, type FileText, TEXT } from "../files/bytes.js";
import { splitOnce } from "../files/split-once.js";
import { asking } from "../session/errors.js";
import { as, call, type Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { type Cut, mayForge } from "./request.js";
import { MOUNT } from "./scripts.js";

const operation = "exec";
/** Longer files are not asked for as text: in JSON it is up to six times as long, and both streams come in one answer. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;
const ENDED = /^(exited|deadline) (\d{1,3}) (\d*) (\d*) (\d+) (\d+)$/;

/** What a query for a command's result gave. */
export interface RunAnswer {
  result: { contents: string };
  exitCode?: number;
}

/** How a command ended, and what its first process found when it had. */
export interface RunResult {
  why: "exited" | "deadline";
  exitCode: number;
  /** Of what was kept of each stream's beginning; NaN where it can't be told. */
  lengths: [out: number, err: number];
  /** What came after that. */
  rests: [out: number, err: number];
  /** What directories are like. */
  attributes: string;
  /** Both streams, where they are short. */
  output: string | undefined;
}

const RESULT = as("result", ioFile("result"), "{contents}");

/** What to select of a container in which a command has run. */
export function resultFields(request: ExecRequest): string {
  return mayForge(request) ? `${RESULT} exitCode` : RESULT;
}

/** Throws what must leave nothing changed: what did not run, and a result that is not what the command came to. */
export function readResult({ result, exitCode: own }: RunAnswer, request: ExecRequest): RunResult {
  const [head, output] = splitOnce(result.contents, "\n\n");
  const [status, attributes = ""] = splitOnce(head, "\n");
  if (status.startsWith("cwd ")) throw badCwd(request.cwd, status);
  if (status === "replaced") throw tampered();
  const [, why, code, length1, length2, rest1, rest2] = ENDED.exec(status) ?? [];
  if (why === undefined) {
    const message = `exec: the command could not be set up in the container (${status.slice(0, 100)}).`;
    throw new SandboxError("ENGINE_ERROR", message, { operation });
  }
  const exitCode = Number(code);
  // What the first process itself ended with is out of the command's reach, and says whether that was 0.
  if (mayForge(request) && (own === 0) !== (why === "exited" && exitCode === 0)) throw tampered();
  const count = (digits: string | undefined) => (digits ? Number(digits) : Number.NaN);
  return {
    why: why as "exited" | "deadline",
    exitCode,
    lengths: [count(length1), count(length2)],
    rests: [count(rest1), count(rest2)],
    attributes,
    output,
  };
}

/** The outcome that a run left in its container. */
export async function readOutcome(
  after: DaggerSnapshot,
  request: ExecRequest,
  result: RunResult,
  cut: Cut,
  asked: QueryOptions,
): Promise<ExecOutcome> {
  const { why, exitCode } = result;
  const { stdout, stderr } =
    shortOutput(result, cut) ??
    (await asking(operation, undefined, () => readStreams(after, request, result, cut, asked)));
  if (why === "deadline") return { kind: "stopped", why, stdout, stderr };
  return { kind: "exited", exitCode, snapshot: after, stdout, stderr };
}

/** Whether the container keeps all of both streams, each in one file. */
export function isShort({ lengths: [out, err] }: RunResult, cut: Cut): boolean {
  return out < cut.head && err < cut.head;
}

/** Undefined when there is more of it elsewhere, or it is not UTF-8. */
function shortOutput(result: RunResult, cut: Cut) {
  if (!isShort(result, cut)) return undefined;
  const {
    lengths: [out, err],
    output = "",
  } = result;
  const bytes = exactBytes({ size: out + err, contents: output });
  return bytes && { stdout: whole(bytes.subarray(0, out)), stderr: whole(bytes.subarray(out)) };
}

function whole(head: Buffer): RawOutput {
  return { head, tail: Buffer.alloc(0), droppedBytes: 0 };
}

type Head = Partial<FileText> & { size: number };

async function readStreams(
  after: DaggerSnapshot,
  request: ExecRequest,
  { rests }: RunResult,
  cut: Cut,
  asked: QueryOptions,
) {
  const { workspace, container } = after;
  const fields = textFields(request, cut.head);
  const heads = await workspace.session.run<{ out: Head; err: Head }>(
    [workspace.container(container)],
    `${as("out", ioFile("out"), fields)} ${as("err", ioFile("err"), fields)}`,
    asked,
  );
  const [stdout, stderr] = await Promise.all([
    readStream(after, request, "out", heads.out, rests[0], cut, asked),
    readStream(after, request, "err", heads.err, rests[1], cut, asked),
  ]);
  return { stdout, stderr };
}

/** The engine keeps a record of what it answers: bytes that may hold a secret come by way of an export. */
function textFields({ secrets }: ExecRequest, mostBytes: number): string {
  return Object.keys(secrets).length > 0 || mostBytes > MAX_TEXT_BYTES ? "{size}" : TEXT;
}

async function readStream(
  after: DaggerSnapshot,
  request: ExecRequest,
  name: "out" | "err",
  head: Head,
  rest: number,
  cut: Cut,
  asked: QueryOptions,
): Promise<RawOutput> {
  const { workspace, container } = after;
  const at = [workspace.container(container)];
  const bytes = async (file: string, text: Head, mostBytes: number) => {
    if (text.size === 0) return Buffer.alloc(0);
    if (text.size > mostBytes) throw tampered();
    const exact = text.contents === undefined ? undefined : exactBytes(text as FileText);
    return exact ?? exportBytes(workspace, [...at, ioFile(file)], asked);
  };
  const first = await bytes(name, head, cut.head);
  if (rest === 0) return whole(first);
  const fields = as("tail", ioFile(`${name}.tail`), textFields(request, cut.tail));
  const more = await workspace.session.run<{ tail: Head }>(at, fields, asked);
  const tail = await bytes(`${name}.tail`, more.tail, cut.tail);
  const droppedBytes = rest - tail.length;
  if (!(droppedBytes >= 0)) throw tampered();
  if (droppedBytes === 0) return whole(Buffer.concat([first, tail]));
  return { head: first, tail, droppedBytes };
}

function ioFile(name: string): Step {
  return call("file", { path: `${MOUNT}/${name}` });
}

function tampered(): SandboxError {
  const message = `exec: the command put something else in place of its own result or output, in ${MOUNT}. Nothing was changed.`;
  return new SandboxError("ENGINE_ERROR", message, { operation });
}

function badCwd(cwd: string, status: string): SandboxError {
  const fail = (code: "NOT_FOUND" | "NOT_A_DIRECTORY" | "PERMISSION", why: string) =>
    new SandboxError(code, `exec: the cwd ${cwd} ${why}; nothing ran.`, { operation, path: cwd });
  if (status === "cwd file") return fail("NOT_A_DIRECTORY", "is not a directory");
  if (status === "cwd denied") return fail("PERMISSION", "can't be entered by the sandbox's user");
  return fail("NOT_FOUND", "does not exist in the sandbox");
}
