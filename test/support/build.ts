import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** The library as plain JavaScript that a Node process of its own can import; `remove` it afterwards. */
export async function buildLibrary(): Promise<{ index: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "forkbox-test-build-"));
  await chmod(directory, 0o755);
  const tsc = join(repository, "node_modules/typescript/bin/tsc");
  const options = [
    "-p",
    "tsconfig.build.json",
    "--outDir",
    join(directory, "dist"),
    "--declaration",
    "false",
  ];
  await promisify(execFile)(process.execPath, [tsc, ...options], { cwd: repository });
  await copyScripts(join(repository, "src"), join(directory, "dist"));
  await symlink(join(repository, "node_modules"), join(directory, "node_modules"));
  await writeFile(join(directory, "package.json"), '{"type":"module"}');
  const remove = () => rm(directory, { recursive: true, force: true });
  return { index: join(directory, "dist/index.js"), remove };
}

/** Shell scripts travel beside the compiled files. */
async function copyScripts(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".sh")) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, relative(from, source));
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, target);
  }
}
