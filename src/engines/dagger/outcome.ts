import type { ExecOutcome, ExecRequest, RawOutput } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { exactBytes, exportBytes, type FileText, TEXT } from "./bytes.js";
import { asking } from "./errors.js";
import { as, call, type Step } from "./graphql.js";
import type { Cut } from "./request.js";
import { MOUNT } from "./scripts.js";
import type { QueryOptions } from "./session.js";
import type { DaggerSnapshot } from "./snapshot.js";

const operation = "exec";
/** Longer files are not asked for as text: the engine has a limit, and memory is finite. */
const MAX_TEXT_BYTES = 32 * 1024 * 1024;

/** What a query for a command's result gave. */
export interface RunResult {
  result: { contents: string };
}

export const RESULT = as("result", ioFile("result"), "{contents}");

type Head = Partial<FileText> & { size: number };

/** How a command ended, the lengths of its streams, what directories are like, and its output where that is short. */
export function readResult({ result: { contents } }: RunResult) {
  const [head = "", output] = splitOnce(contents, "\n\n");
  const [status = "", attributes = ""] = splitOnce(head, "\n");
  const [why, detail, ...lengths] = status.split(" ");
  return {
    why,
    detail,
    lengths: lengths.map((length) => (length === "" ? Number.NaN : Number(length))),
    attributes,
    output,
  };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** The outcome that a run left in its container. Throws what must leave nothing changed. */
export async function readOutcome(
  after: DaggerSnapshot,
  request: ExecRequest,
  result: ReturnType<typeof readResult>,
  cut: Cut,
  asked: QueryOptions,
): Promise<ExecOutcome> {
  const { why, detail } = result;
  if (why === "cwd") throw badCwd(request.cwd, detail);
  if (why !== "exited" && why !== "deadline") {
    throw new SandboxError(
      "ENGINE_ERROR",
      `exec: the command could not be set up in the container (${why}).`,
      { operation },
    );
  }
  const { stdout, stderr } =
    shortOutput(result, cut) ??
    (await asking(operation, undefined, () => readStreams(after, request, cut, asked)));
  if (why === "deadline") return { kind: "stopped", why, stdout, stderr };
  return { kind: "exited", exitCode: Number(detail), snapshot: after, stdout, stderr };
}

/** Undefined when there is more of it elsewhere, or it is not UTF-8. */
function shortOutput({ lengths: [out = 0, err = 0], output = "" }: ReturnType<typeof readResult>, cut: Cut) {
  if (out >= cut.head || err >= cut.head) return undefined;
  const bytes = exactBytes({ size: out + err, contents: output });
  return bytes && { stdout: whole(bytes.subarray(0, out)), stderr: whole(bytes.subarray(out)) };
}

function whole(head: Buffer): RawOutput {
  return { head, tail: Buffer.alloc(0), droppedBytes: 0 };
}

async function readStreams(after: DaggerSnapshot, request: ExecRequest, cut: Cut, asked: QueryOptions) {
  const { workspace, container } = after;
  const fields = textFields(request, cut.head);
  const heads = await workspace.session.run<{ out: Head; err: Head }>(
    [workspace.container(container)],
    `${as("out", ioFile("out"), fields)} ${as("err", ioFile("err"), fields)}`,
    asked,
  );
  const [stdout, stderr] = await Promise.all([
    readStream(after, request, "out", heads.out, cut, asked),
    readStream(after, request, "err", heads.err, cut, asked),
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
  cut: Cut,
  asked: QueryOptions,
): Promise<RawOutput> {
  const { workspace, container } = after;
  const at = [workspace.container(container)];
  const bytes = async (file: string, text: Head, mostBytes: number) => {
    if (text.size === 0) return Buffer.alloc(0);
    // It lies where the command can write: it may have put anything in its place.
    if (text.size > mostBytes) throw tampered();
    const exact = text.contents === undefined ? undefined : exactBytes(text as FileText);
    return exact ?? exportBytes(workspace, [...at, ioFile(file)], asked);
  };
  const first = await bytes(name, head, cut.head);
  if (head.size < cut.head) return whole(first);
  const fields = `${as("tail", ioFile(`${name}.tail`), textFields(request, cut.tail))} ${as("rest", ioFile(`${name}.rest`), "{contents}")}`;
  const more = await workspace.session.run<{
    tail: Head;
    rest: { contents: string };
  }>(at, fields, asked);
  const tail = await bytes(`${name}.tail`, more.tail, cut.tail);
  const droppedBytes = Number(more.rest.contents) - tail.length;
  if (droppedBytes === 0) return whole(Buffer.concat([first, tail]));
  return { head: first, tail, droppedBytes };
}

function ioFile(name: string): Step {
  return call("file", { path: `${MOUNT}/io/${name}` });
}

function tampered(): SandboxError {
  const message = `exec: the command put something else in place of its own output, in ${MOUNT}/io. Nothing was changed.`;
  return new SandboxError("ENGINE_ERROR", message, { operation });
}

function badCwd(cwd: string, detail: string | undefined): SandboxError {
  const fail = (code: "NOT_FOUND" | "NOT_A_DIRECTORY" | "PERMISSION", why: string) =>
    new SandboxError(code, `exec: the cwd ${cwd} ${why}; nothing ran.`, { operation, path: cwd });
  if (detail === "file") return fail("NOT_A_DIRECTORY", "is not a directory");
  if (detail === "denied") return fail("PERMISSION", "can't be entered by the sandbox's user");
  return fail("NOT_FOUND", "does not exist in the sandbox");
}
