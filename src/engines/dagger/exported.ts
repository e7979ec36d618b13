import { lstat, readdir, rm } from "node:fs/promises";
import { kindOf } from "../../host/kind.js";
import { asking } from "./errors.js";
import { call } from "./graphql.js";
import type { QueryOptions } from "./session.js";
import type { DaggerSnapshot } from "./snapshot.js";
import type { Stat } from "./stat.js";

/**
 * Hands on what of a directory matches a pattern, as an export to this host: for links, and for names that are not
 * UTF-8.
 */
export async function exported<T>(
  { workspace, container }: DaggerSnapshot,
  asked: QueryOptions,
  directory: string,
  pattern: string,
  read: (hostDirectory: string) => Promise<T>,
): Promise<T> {
  const path = await workspace.state.exportPath();
  const steps = [
    workspace.container(container),
    call("directory", { path: directory }),
    call("filter", { include: [pattern] }),
  ];
  try {
    await asking(asked.operation, undefined, () =>
      workspace.session.run(steps, call("export", { path }).text, asked),
    );
    return await read(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

/** Stats of what an export brought, with true names and all twelve bits. */
export async function hostStats(directory: string): Promise<{ name: string; stat: Stat }[]> {
  const names = await readdir(Buffer.from(directory), { encoding: "buffer" });
  return Promise.all(
    names.map(async (name) => {
      const stat = await lstat(Buffer.concat([Buffer.from(`${directory}/`), name]));
      return {
        name: name.toString(),
        stat: { type: kindOf(stat), size: stat.size, mode: stat.mode & 0o7777 },
      };
    }),
  );
}

/** A pattern that matches a name, and maybe others: what is special in one, or not UTF-8, is any character. */
export function patternOf(name: string): string {
  return name.replaceAll(/[*?[\]\\!]/g, "?").replaceAll("\ufffd", "*");
}
