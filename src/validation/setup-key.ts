import { createHash } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { selectTree } from "../host/select.js";
import type { RefreshOptions } from "../options.js";

/** What besides the files a setup depends on. */
export interface SetupInputs {
  base: string;
  user: string;
  env: Readonly<Record<string, string>>;
  commands: readonly string[];
  network: string;
  caches: Readonly<Record<string, string>>;
}

/** The name of a setup's snapshot in the cache: equal only where everything that goes into it is. */
export async function setupKey(
  directory: string,
  files: RefreshOptions,
  inputs: SetupInputs,
): Promise<string> {
  const hash = createHash("sha256");
  const add = (part: string | Uint8Array) => {
    hash.update(`${part.length}:`);
    hash.update(part);
  };
  add("forkbox setup 1");
  add(
    JSON.stringify([
      inputs.base,
      inputs.user,
      sorted(inputs.env),
      inputs.commands,
      inputs.network,
      sorted(inputs.caches),
    ]),
  );
  const { entries } = await selectTree(directory, files);
  for (const { path, type, mode } of entries) {
    add(path);
    add(`${type} ${mode.toString(8)}`);
    const host = Buffer.concat([Buffer.from(`${directory}/`), path]);
    if (type === "file") add(await readFile(host));
    if (type === "symlink") add(await readlink(host, { encoding: "buffer" }));
  }
  return `setup-${hash.digest("hex")}`;
}

function sorted(values: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}
