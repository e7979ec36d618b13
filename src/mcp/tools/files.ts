import { isUtf8 } from "node:buffer";
import { z } from "zod";
import { editFile as editInSandbox, readAtMost, redactorOf } from "../../sandbox/internals.js";
import { ToolError } from "../errors.js";
import { beginning } from "../runs/tokens.js";
import { CHANGES, LOOKS, path, sandboxId, tool } from "../tool.js";

const MOST_BYTES = 16 * 1024 * 1024;
const MOST_FILES = 500;
const MOST_CHARACTERS = 12_000;
const READ_TOKENS = 3000;
/** As base64 no more than a part of text costs. */
const MOST_BINARY = 3072;
const MOST_ENTRIES = 500;

const waiting = () => "waiting for a run";

export const readFile = tool({
  name: "read_file",
  title: "Read a file",
  description:
    "Reads a file of a sandbox, or a part of it: offset and limit count characters of a text, bytes of anything else, which comes as base64. Go on at next_offset where there is one. Credentials are shown as ***. For one line of a large file use exec with grep.",
  hints: LOOKS,
  input: z.strictObject({
    sandbox_id: sandboxId,
    path: path("Of the file; relative to /workspace."),
    offset: z.int().min(0).default(0),
    limit: z.int().min(1).max(MOST_CHARACTERS).default(8000),
  }),
  output: z.object({
    path: z.string(),
    encoding: z.enum(["utf8", "base64"]),
    size: z.int().describe("Characters of a text, bytes of anything else."),
    offset: z.int(),
    next_offset: z.int().optional(),
    text: z.string(),
  }),
  async call({ sandbox_id, path, offset, limit }, { client, signal, beat }) {
    const box = client.box(sandbox_id);
    await beat(waiting, box.free(signal));
    const bytes = await readAtMost(box.sandbox, path, MOST_BYTES, signal);
    // All of it before a part is cut out: a cut through a credential would hide it from redaction.
    const raw = { head: bytes, tail: new Uint8Array(), droppedBytes: 0 };
    const clean = redactorOf(box.sandbox).redactOutput(raw);
    return { facts: { path, ...partOf(clean, offset, limit) }, blocks: ["text"] };
  },
});

function partOf(bytes: Uint8Array, offset: number, limit: number) {
  if (isUtf8(bytes)) {
    const whole = Buffer.from(bytes).toString();
    const text = beginning(whole.slice(offset, offset + limit), READ_TOKENS);
    return {
      encoding: "utf8",
      size: whole.length,
      offset,
      ...nextAfter(offset + text.length, whole.length),
      text,
    };
  }
  const part = bytes.subarray(offset, offset + Math.min(limit, MOST_BINARY));
  const size = bytes.length;
  const text = Buffer.from(part).toString("base64");
  return { encoding: "base64", size, offset, ...nextAfter(offset + part.length, size), text };
}

function nextAfter(end: number, size: number) {
  return end < size ? { next_offset: end } : {};
}

export const writeFiles = tool({
  name: "write_files",
  title: "Write files",
  description:
    "Writes files into a sandbox, all or none, with the directories above them. A file that is there is replaced as a whole: use edit_file to change a part.",
  hints: { ...CHANGES, idempotentHint: true },
  input: z.strictObject({
    sandbox_id: sandboxId,
    files: z
      .array(
        z.strictObject({
          path: path("Of the file; relative to /workspace."),
          content: z.string().max(MOST_BYTES),
          encoding: z.enum(["utf8", "base64"]).default("utf8"),
          executable: z.boolean().optional(),
        }),
      )
      .min(1)
      .max(MOST_FILES),
  }),
  output: z.object({ written: z.int(), bytes: z.int() }),
  async call({ sandbox_id, files }, { client, signal, beat }) {
    const box = client.box(sandbox_id);
    const data = files.map(({ path, content, encoding, executable }) => ({
      path,
      data: encoding === "utf8" ? Buffer.from(content) : fromBase64(content, path),
      ...(executable !== undefined && { mode: executable ? 0o755 : 0o644 }),
    }));
    await beat(waiting, box.free(signal));
    await box.sandbox.writeFiles(data, { signal });
    return { facts: { written: data.length, bytes: data.reduce((sum, file) => sum + file.data.length, 0) } };
  },
});

function fromBase64(content: string, path: string): Buffer {
  const bytes = Buffer.from(content, "base64");
  // Node skips what is no base64.
  if (bytes.toString("base64").replace(/=+$/, "") === content.replace(/\s+/g, "").replace(/=+$/, ""))
    return bytes;
  throw new ToolError(
    "INVALID_ARGUMENT",
    `write_files ${path}: its content is no base64.`,
    "Encode it again.",
  );
}

export const editFile = tool({
  name: "edit_file",
  title: "Edit a file",
  description:
    "Replaces a text in a file of a sandbox. old_text must be in the file exactly, with its spaces and line ends, and only once: take enough of the lines around it, or say replace_all.",
  hints: CHANGES,
  input: z.strictObject({
    sandbox_id: sandboxId,
    path: path("Of the file; relative to /workspace."),
    old_text: z.string().min(1).max(MOST_BYTES),
    new_text: z.string().max(MOST_BYTES),
    replace_all: z.boolean().default(false),
  }),
  output: z.object({ path: z.string(), replaced: z.int() }),
  async call({ sandbox_id, path, old_text, new_text, replace_all }, { client, signal, beat }) {
    const box = client.box(sandbox_id);
    await beat(waiting, box.free(signal));
    let replaced = 0;
    const edit = (bytes: Uint8Array) => {
      if (!isUtf8(bytes)) throw refusal(path, "it is no UTF-8 text.", "Change it with a command.");
      const parts = Buffer.from(bytes).toString().split(old_text);
      replaced = parts.length - 1;
      if (replaced === 0)
        throw refusal(
          path,
          "old_text is not in it.",
          "Read the file, and take old_text from it as it stands there.",
        );
      if (replaced > 1 && !replace_all)
        throw refusal(
          path,
          `old_text is in it ${replaced} times.`,
          "Take more of the lines around it, or say replace_all.",
        );
      const size = bytes.length + replaced * (new_text.length - old_text.length);
      if (size > MOST_BYTES)
        throw refusal(path, "it would be larger than 16 MiB.", "Change it with a command.");
      return Buffer.from(parts.join(new_text));
    };
    await unwrapped(editInSandbox(box.sandbox, path, MOST_BYTES, edit, signal));
    return { facts: { path, replaced } };
  },
});

function refusal(path: string, why: string, next: string): ToolError {
  return new ToolError("NO_MATCH", `edit_file ${path}: ${why} Nothing was changed.`, next);
}

/** What the edit itself threw comes as the cause of an error of the sandbox. */
async function unwrapped<T>(done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    if (error instanceof Error && error.cause instanceof ToolError) throw error.cause;
    throw error;
  }
}

export const listDirectory = tool({
  name: "list_directory",
  title: "List a directory",
  description:
    "Lists what is in a directory of a sandbox, sorted by name, with type, size in bytes and permission bits. Of a large one it gives a part: go on at next_offset.",
  hints: LOOKS,
  input: z.strictObject({
    sandbox_id: sandboxId,
    path: path("Of the directory; relative to /workspace.").default("."),
    offset: z.int().min(0).default(0),
    limit: z.int().min(1).max(MOST_ENTRIES).default(200),
  }),
  output: z.object({
    path: z.string(),
    total: z.int(),
    offset: z.int(),
    next_offset: z.int().optional(),
    entries: z.array(
      z.object({
        name: z.string(),
        type: z.enum(["file", "directory", "symlink", "other"]),
        size: z.int().optional(),
        mode: z.string(),
      }),
    ),
  }),
  async call({ sandbox_id, path, offset, limit }, { client, signal, beat }) {
    const box = client.box(sandbox_id);
    await beat(waiting, box.free(signal));
    const all = await box.sandbox.listDirectory(path, { signal });
    const wanted = all.slice(offset, offset + limit).map(({ name, type, size, mode }) => ({
      name,
      type,
      ...(type === "file" && { size }),
      mode: mode.toString(8),
    }));
    const entries = affordable(wanted);
    const next = offset + entries.length;
    return {
      facts: {
        path,
        total: all.length,
        offset,
        ...(entries.length > 0 && nextAfter(next, all.length)),
        entries,
      },
    };
  },
});

/** As many as a model should read. */
function affordable<T>(entries: readonly T[]): T[] {
  const text = JSON.stringify(entries);
  let left = beginning(text, READ_TOKENS).length - 1;
  const fitting = entries.filter((entry) => {
    left -= JSON.stringify(entry).length + 1;
    return left >= 0;
  });
  return fitting.length > 0 ? fitting : entries.slice(0, 1);
}
