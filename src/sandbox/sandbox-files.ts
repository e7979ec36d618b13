import {
  type CheckedFile,
  checkFiles,
  checkMaxBytes,
  checkOptions,
  checkTimeout,
} from "../arguments/arguments.js";
import { checkPath } from "../arguments/paths.js";
import type { Entry } from "../engine.js";
import type {
  Data,
  ExportFileOptions,
  FileCopied,
  FileToWrite,
  ImportFileOptions,
  OperationOptions,
  ReadOptions,
} from "../options.js";
import type { Core } from "./core.js";
import { checkHostPath } from "./create-arguments.js";
import { list, makeDirectory, remove, statOf, write } from "./files.js";
import { append, copy, move } from "./single-files/copies.js";
import { exportOneFile, importOneFile } from "./single-files/host-file.js";
import { checkRange, readPart, streamFile } from "./single-files/parts.js";

/** The part of a {@link Sandbox} that is about its files. */
export abstract class SandboxFiles {
  readonly #core: Core;

  /** @internal */
  protected constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Writes one file, with the directories above it. Follows a link at the end. `data` is a string (UTF-8), bytes
   * (a Uint8Array, another view, an ArrayBuffer) or a Blob. `mode`: permission bits; left out, those of the file it
   * overwrites, else 0o644.
   *
   * @throws SandboxError INVALID_ARGUMENT also for a Blob that can't be read; READ_ONLY_PATH, PERMISSION, NOT_A_FILE, NOT_A_DIRECTORY, LIMIT for a full disk.
   */
  async writeFile(
    path: string,
    data: Data,
    options: OperationOptions & { mode?: number } = {},
  ): Promise<void> {
    const given = checkOptions(options, ["mode"], "writeFile");
    const files = checkFiles([{ path, data, mode: given.mode }], "writeFile");
    return this.#core.run("writeFile", given, (context) => write(context, "writeFile", files));
  }

  /** Writes several files like {@link writeFile}: all of them or none. */
  async writeFiles(files: readonly FileToWrite[], options: OperationOptions = {}): Promise<void> {
    const given = checkOptions(options, [], "writeFiles");
    const checked = checkFiles(files, "writeFiles");
    return this.#core.run("writeFiles", given, (context) => write(context, "writeFiles", checked));
  }

  /** Creates a directory and those above it. One that is there already is fine. */
  async makeDirectory(path: string, options: OperationOptions = {}): Promise<void> {
    const given = checkOptions(options, [], "makeDirectory");
    checkPath(path, "makeDirectory");
    return this.#core.run("makeDirectory", given, (context) => makeDirectory(context, "makeDirectory", path));
  }

  /**
   * Writes at the end of a file; one that is not there is made, like by {@link writeFile}.
   * @throws SandboxError as `writeFile`.
   */
  async appendFile(
    path: string,
    data: Data,
    options: OperationOptions & { mode?: number } = {},
  ): Promise<void> {
    const given = checkOptions(options, ["mode"], "appendFile");
    const [file] = checkFiles([{ path, data, mode: given.mode }], "appendFile") as [CheckedFile];
    return this.#core.run("appendFile", given, (context) => append(context, "appendFile", file));
  }

  /**
   * Copies a file, with its mode, over what is at `to`, with the directories above that. Follows links at both ends.
   * @throws SandboxError NOT_FOUND, NOT_A_FILE, READ_ONLY_PATH, PERMISSION, LIMIT.
   */
  async copyFile(from: string, to: string, options: OperationOptions = {}): Promise<void> {
    const given = checkOptions(options, [], "copyFile");
    for (const path of [from, to]) checkPath(path, "copyFile");
    return this.#core.run("copyFile", given, (context) => copy(context, "copyFile", from, to));
  }

  /**
   * Moves a file, with its mode, in place of the file or link at `to`, with the directories above that.
   * @throws SandboxError NOT_FOUND, NOT_A_FILE for a directory or link, READ_ONLY_PATH, PERMISSION, LIMIT.
   */
  async moveFile(from: string, to: string, options: OperationOptions = {}): Promise<void> {
    const given = checkOptions(options, [], "moveFile");
    for (const path of [from, to]) checkPath(path, "moveFile");
    return this.#core.run("moveFile", given, (context) => move(context, "moveFile", from, to));
  }

  /**
   * The bytes of a file, or a part of them, as they are: secrets in it are not redacted. Follows links.
   * @throws SandboxError NOT_FOUND, NOT_A_FILE, LIMIT for more than 2 GiB.
   */
  async readFile(path: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const given = checkOptions(options, ["offset", "length"], "readFile");
    const range = checkRange(given, "readFile");
    checkPath(path, "readFile");
    return this.#core.run("readFile", given, (context) => readPart(context, "readFile", path, range));
  }

  /**
   * {@link readFile} piece by piece, of a file of any size, as it was in its turn: operations that come later neither
   * wait for the reader nor change what it reads. Begins with the first piece that is asked for.
   *
   * @example
   * ```ts
   * for await (const bytes of sandbox.readFileStream("build/image.tar")) process.stdout.write(bytes);
   * ```
   */
  readFileStream(path: string, options: ReadOptions = {}): AsyncIterableIterator<Uint8Array> {
    const given = checkOptions(options, ["offset", "length"], "readFileStream");
    const range = checkRange(given, "readFileStream");
    checkPath(path, "readFileStream");
    return streamFile(this.#core, path, range, given.signal);
  }

  /** Like {@link readFile}, all of it, decoded as UTF-8. */
  async readTextFile(path: string, options: OperationOptions = {}): Promise<string> {
    const given = checkOptions(options, [], "readTextFile");
    checkPath(path, "readTextFile");
    const bytes = await this.#core.run("readTextFile", given, (context) =>
      readPart(context, "readTextFile", path, undefined),
    );
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  }

  /**
   * Deletes a file or link, or an empty directory; one with content needs `recursive`.
   * @throws SandboxError NOT_FOUND, READ_ONLY_PATH (also for a directory that holds such a path), PERMISSION.
   */
  async deleteFile(path: string, options: OperationOptions & { recursive?: boolean } = {}): Promise<void> {
    const given = checkOptions(options, ["recursive"], "deleteFile");
    const { recursive = false } = given;
    checkPath(path, "deleteFile");
    return this.#core.run("deleteFile", given, (context) => remove(context, "deleteFile", path, recursive));
  }

  /**
   * What is in a directory, sorted by name. A link to a directory is not followed.
   * @throws SandboxError NOT_FOUND, NOT_A_DIRECTORY.
   */
  async listDirectory(path: string, options: OperationOptions = {}): Promise<Entry[]> {
    const given = checkOptions(options, [], "listDirectory");
    checkPath(path, "listDirectory");
    return this.#core.run("listDirectory", given, (context) => list(context, "listDirectory", path));
  }

  /** What a path is, undefined when there is nothing. A link is not followed. */
  async stat(path: string, options: OperationOptions = {}): Promise<Entry | undefined> {
    const given = checkOptions(options, [], "stat");
    checkPath(path, "stat");
    return this.#core.run("stat", given, (context) => statOf(context, "stat", path));
  }

  /**
   * Brings one host file, with its permission bits, over what is at the sandbox path, with the directories above that.
   * Links are followed on both sides.
   * @throws SandboxError NOT_FOUND, NOT_A_FILE, READ_ONLY_PATH, PERMISSION, TIMEOUT, LIMIT for more than 2 GiB and for
   * a full disk.
   */
  async importFile(
    hostPath: string,
    sandboxPath: string,
    options: ImportFileOptions = {},
  ): Promise<FileCopied> {
    const operation = "importFile";
    const given = checkOptions(options, ["timeoutMs"], operation);
    checkTimeout(given.timeoutMs, operation);
    const from = checkHostPath(hostPath, "the host path", operation);
    checkPath(sandboxPath, operation);
    return this.#core.run(operation, given, (context) => importOneFile(context, from, sandboxPath, given));
  }

  /**
   * Copies one file to a place of the host, with the directories above that: whole or not at all. A file or link that
   * is there is replaced. A link in the sandbox is followed there.
   * @throws SandboxError NOT_FOUND, NOT_A_FILE, SECRET_LEAK, UNSAFE_EXPORT for a `.git`, PERMISSION, TIMEOUT, LIMIT.
   */
  async exportFile(
    sandboxPath: string,
    hostPath: string,
    options: ExportFileOptions = {},
  ): Promise<FileCopied> {
    const operation = "exportFile";
    const known = ["allowSecrets", "allowGit", "timeoutMs", "maxBytes"] as const;
    const given = checkOptions(options, known, operation);
    checkTimeout(given.timeoutMs, operation);
    checkMaxBytes(given.maxBytes, operation);
    const to = checkHostPath(hostPath, "the host path", operation);
    checkPath(sandboxPath, operation);
    return this.#core.run(operation, given, (context) => exportOneFile(context, sandboxPath, to, given));
  }
}
