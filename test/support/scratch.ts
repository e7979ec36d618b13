import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A host directory that is gone after the test. */
export async function hostDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "forkbox-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A host directory with these files; a path that ends in "/" is a directory. */
export async function hostFiles(files: Record<string, string>): Promise<string> {
  const directory = await hostDirectory();
  await fill(directory, files);
  return directory;
}

export async function fill(directory: string, files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const full = join(directory, path);
    await mkdir(path.endsWith("/") ? full : join(full, ".."), { recursive: true });
    if (!path.endsWith("/")) await writeFile(full, content, { mode: 0o644 });
  }
}

/** Every path under a host directory, in bytes as latin1, links with their target: to compare two states. */
export async function hostTree(directory: string): Promise<string[]> {
  const paths: string[] = [];
  await walk(Buffer.from(directory), "", paths);
  return paths.sort();
}

async function walk(directory: Buffer, prefix: string, paths: string[]): Promise<void> {
  // A directory that this user can't look into, or that went away meanwhile, has no paths to tell.
  const entries = await readdir(directory, { withFileTypes: true, encoding: "buffer" }).catch(() => []);
  for (const entry of entries) {
    const full = Buffer.concat([directory, Buffer.from("/"), entry.name]);
    const path = prefix + entry.name.toString("latin1");
    if (entry.isSymbolicLink()) paths.push(`${path} -> ${await readlink(full)}`);
    else paths.push(entry.isDirectory() ? `${path}/` : path);
    if (entry.isDirectory()) await walk(full, `${path}/`, paths);
  }
}

let counter = 0;

/** A word that nothing else on this machine says. */
export function uniqueWord(prefix = "mark"): string {
  return `${prefix}-${process.pid}-${Date.now().toString(36)}-${counter++}`;
}

/** A number of seconds to sleep that nothing else on this machine sleeps. */
export function uniqueNumber(): string {
  return `${1_000_000 + process.pid}${String(counter++).padStart(4, "0")}`;
}
