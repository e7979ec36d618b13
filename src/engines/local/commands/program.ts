import { closeSync, constants, openSync, readSync } from "node:fs";
import type { ExecRequest } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { notADirectory, notFound } from "../../path-errors.js";
import type { Tree } from "../layers/tree.js";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Where a command starts, without links. */
export function resolveCwd(tree: Tree, cwd: string): string {
  const found = tree.resolve(cwd, "exec", true);
  if (tree.isOutside(found.real)) return found.real;
  if (!found.stat) throw notFound(cwd, "exec in");
  if (!found.stat.isDirectory()) throw notADirectory(cwd, cwd, "exec in");
  return found.real;
}

/**
 * What a shell would say of a program that can't be started: 127 not found, 126 not executable. bwrap would
 * exit with 1, which the program itself may do too.
 */
export function whyNotRunnable(
  tree: Tree,
  request: ExecRequest,
  cwd: string,
  path: string,
): { exitCode: 126 | 127; message: string } | undefined {
  const program = request.argv[0];
  const candidates = program.includes("/")
    ? [program.startsWith("/") ? program : `${cwd}/${program}`]
    : path
        .split(":")
        .map((directory) => `${directory.startsWith("/") ? directory : `${cwd}/${directory}`}/${program}`);
  let why: { exitCode: 126 | 127; message: string } = { exitCode: 127, message: `${program}: not found` };
  for (const candidate of candidates) {
    const verdict = judge(tree, candidate, program);
    if (verdict === "runnable") return undefined;
    if (verdict) why = verdict;
  }
  return why;
}

function judge(
  tree: Tree,
  path: string,
  program: string,
): "runnable" | { exitCode: 126 | 127; message: string } | undefined {
  let found: ReturnType<Tree["resolve"]>;
  try {
    found = tree.resolve(path, "exec", true);
  } catch (error) {
    if (error instanceof SandboxError && error.code !== "ENGINE_LOST") return undefined;
    throw error;
  }
  if (tree.isOutside(found.real)) return "runnable"; // only the command itself can see it
  if (!found.stat) return undefined;
  if (!found.stat.isFile() || (found.stat.mode & 0o111) === 0)
    return { exitCode: 126, message: `${program}: permission denied` };
  const interpreter = interpreterOf(found.place);
  if (interpreter && !tree.resolve(interpreter, "exec", true).stat)
    return { exitCode: 127, message: `${program}: bad interpreter: ${interpreter}: not found` };
  return "runnable";
}

function interpreterOf(place: Buffer): string | undefined {
  let fd: number;
  try {
    fd = openSync(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const start = Buffer.alloc(256);
    const line = start.toString("latin1", 0, readSync(fd, start, 0, 256, 0)).split("\n", 1)[0] as string;
    return /^#!\s*(\/\S+)/.exec(line)?.[1];
  } finally {
    closeSync(fd);
  }
}
