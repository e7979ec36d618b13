import type { ExecRequest } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { unsupported } from "../session/errors.js";
import type { BaseInfo } from "../snapshots/snapshot.js";
import { AS_ROOT } from "./become.js";
import { TAKEN_NAME } from "./scripts.js";
import { quote } from "./shell-quote.js";

const operation = "exec";
const DEFAULT_OUTPUT_BYTES = 10 * 1024 * 1024;
/** The kernel's limit of one argument or variable, with its NUL. */
const MAX_WORD_BYTES = 128 * 1024 - 1;
/** The kernel's limit of all of them is an eighth of this or more; the rest is room for the image's own. */
const MAX_WORDS_BYTES = 1024 * 1024;
/** Arguments stay in every later ID of the sandbox; longer ones are staged as a file. */
const MAX_INLINE_BYTES = 2048;
const DD_BLOCK = 65_536;
/** Output of this length comes with the result. */
const SHORT_BYTES = 64 * 1024;
const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** How much of a stream the container keeps. */
export interface Cut {
  block: number;
  blocks: number;
  head: number;
  tail: number;
}

export function cutOf(outputBytes: number = DEFAULT_OUTPUT_BYTES): Cut {
  const half = Math.max(1, Math.ceil(outputBytes / 2));
  const block = Math.min(DD_BLOCK, half);
  const blocks = Math.floor(half / block);
  const head = block * blocks;
  return { block, blocks, head, tail: Math.max(0, outputBytes - head) };
}

/** The words that env gets: variables, then the program and its arguments. */
export function commandWords(request: ExecRequest): string[] {
  for (const name of Object.keys(request.secrets)) {
    // Any other way to hand it on would show its value in an argument.
    if (!SHELL_NAME.test(name)) {
      throw unsupported(
        operation,
        `a secret named ${name}: on Dagger its name must be of letters, digits and _.`,
      );
    }
    if (TAKEN_NAME.test(name)) {
      throw unsupported(
        operation,
        `a secret named ${name}: on Dagger a shell that starts commands needs that name.`,
      );
    }
  }
  const plain = Object.entries(request.env).filter(([name]) => !(name in request.secrets));
  const [program] = request.argv;
  // env would take a program with = in its name for a variable.
  const argv = program.includes("=") ? ["/bin/sh", "-c", 'exec "$@"', "sh", ...request.argv] : request.argv;
  const words = [...plain.map(([name, value]) => `${name}=${value}`), ...argv];
  checkLength(words);
  return words;
}

/** Whether the command has the rights of what watches it: then only what the engine itself saw of both counts. */
export function mayForge({ user }: ExecRequest): boolean {
  return user === "root";
}

/** What a sandbox's commands have in common, for the script to read: who they run as, and the base's own variables. */
export function runOptions(
  request: ExecRequest,
  base: BaseInfo,
  { block, blocks, tail }: Cut,
  live: boolean,
): Buffer {
  // The engine keeps a record of all text that it answers: what may hold a secret must not be with the result.
  const short = Object.keys(request.secrets).length > 0 ? 0 : SHORT_BYTES;
  const plain = Object.entries(base.environment).filter(([name]) => !(name in request.secrets));
  const words = plain.map(([name, value]) => quote(`${name}=${value}`)).join(" ");
  const become = request.user === "root" ? AS_ROOT : base.become;
  return Buffer.from(
    `fbx_block=${block} fbx_blocks=${blocks} fbx_tail=${tail} fbx_short=${short} fbx_live=${live ? 1 : 0}
fbx_failed=${mayForge(request) ? 1 : 0} fbx_reported='${base.reported.join(" ")}'
set -- ${become.map(quote).join(" ")} "$fbx_cwd" env ${words} "$@"
`,
  );
}

/** Undefined when the words are short enough to be arguments. */
export function stagedWords(words: readonly string[]): Buffer | undefined {
  if (words.reduce((sum, word) => sum + word.length, 0) <= MAX_INLINE_BYTES) return undefined;
  return Buffer.from(`set -- ${words.map(quote).join(" ")}\n`);
}

function checkLength(words: readonly string[]): void {
  let total = 0;
  for (const word of words) {
    const bytes = Buffer.byteLength(word);
    total += bytes + 1;
    if (bytes > MAX_WORD_BYTES) throw tooLong(`one of ${bytes} bytes`, MAX_WORD_BYTES);
  }
  if (total > MAX_WORDS_BYTES) throw tooLong(`${total} bytes in all`, MAX_WORDS_BYTES);
}

function tooLong(what: string, limit: number): SandboxError {
  const message = `exec: the arguments and variables of the command are too long (${what}; at most ${limit}). Write them to a file, or pass them through stdin.`;
  return new SandboxError("INVALID_ARGUMENT", message, { operation });
}
