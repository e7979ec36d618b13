import { SandboxError } from "../../../errors.js";
import { isCacheMount } from "../commands/caches.js";
import { CHANNEL, MOUNT } from "../commands/scripts.js";
import { asking, QueryFailure, saysMissing, unsupported } from "../session/errors.js";
import { as, call, type Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { readLink } from "./read-link.js";
import { type RawStat, readStat, STAT_FIELDS, type Stat, statStep } from "./stat.js";

/** A path without links; `stat` is undefined where there is nothing. */
export interface Found {
  real: string;
  stat: Stat | undefined;
}

const MAX_LINKS = 40;
const STATS_PER_QUERY = 250;

/**
 * Finds paths of a snapshot link by link: what Dagger is given has no link left in it. A snapshot never
 * changes, so that everything is asked once.
 */
export class Tree {
  readonly snapshot: DaggerSnapshot;
  readonly #asked: QueryOptions;
  readonly #stats = new Map<string, Promise<Stat | undefined>>();
  readonly #names = new Map<string, Promise<string[]>>();

  constructor(snapshot: DaggerSnapshot, asked: QueryOptions) {
    this.snapshot = snapshot;
    this.#asked = asked;
  }

  get operation(): string {
    return this.#asked.operation;
  }

  async resolve(path: string, followLast: boolean): Promise<Found> {
    let rest = partsOf(path);
    let at = "";
    let links = 0;
    this.#ahead(at, rest);
    while (rest.length > 0) {
      const [part, ...after] = rest as [string, ...string[]];
      rest = after;
      if (part === ".") continue;
      if (part === "..") {
        at = parentOf(at);
        continue;
      }
      const next = `${at}/${part}`;
      this.#refuseOutside(next, path);
      const stat = await this.lookup(next);
      if (!stat) {
        if (rest.includes("..")) throw this.notFound(path);
        return { real: [next, ...rest].join("/"), stat: undefined };
      }
      if (stat.type === "symlink" && (rest.length > 0 || followLast)) {
        if (++links > MAX_LINKS) throw this.#fail("NOT_FOUND", path, "too many links, or a loop of them.");
        const target = await readLink(this.snapshot, next, this.#asked);
        if (target.startsWith("/")) at = "";
        rest = [...partsOf(target), ...rest];
        this.#ahead(at, rest);
        continue;
      }
      if (rest.length > 0 && stat.type !== "directory") throw this.notADirectory(path, next);
      at = next;
    }
    return { real: at || "/", stat: await this.lookup(at || "/") };
  }

  /** Does not follow a link at the end; there must be none before it. */
  lookup(real: string): Promise<Stat | undefined> {
    const known = this.#stats.get(real);
    if (known) return known;
    const asking = this.#lookup(real);
    this.#stats.set(real, asking);
    // Asked ahead of need; whoever needs it sees the failure.
    asking.catch(() => undefined);
    return asking;
  }

  /** Names in a directory; what is not UTF-8 in them is replaced. */
  names(real: string): Promise<string[]> {
    const known = this.#names.get(real);
    if (known) return known;
    const asking = this.#ask<{ entries: string[] }>([call("directory", { path: real })], "entries").then(
      ({ entries }) =>
        entries.map((name) => name.replace(/\/$/, "")).filter((name) => real !== "/" || !isOurs(`/${name}`)),
    );
    this.#names.set(real, asking);
    return asking;
  }

  /** Looks many paths up at once. All of them must be there. */
  async lookupAll(paths: readonly string[]): Promise<Stat[]> {
    const stats: Stat[] = [];
    for (let start = 0; start < paths.length; start += STATS_PER_QUERY) {
      const some = paths.slice(start, start + STATS_PER_QUERY);
      const fields = some.map((path, index) => as(`s${index}`, statStep(path), `{${STAT_FIELDS}}`)).join(" ");
      const answer = await this.#ask<Record<string, RawStat>>([], fields);
      stats.push(...some.map((_, index) => readStat(answer[`s${index}`] as RawStat)));
    }
    return stats;
  }

  notFound(path: string): SandboxError {
    return this.#fail("NOT_FOUND", path, "there is no such file or directory in the sandbox.");
  }

  notADirectory(path: string, culprit = path): SandboxError {
    return this.#fail("NOT_A_DIRECTORY", path, `${culprit} is not a directory.`);
  }

  notAFile(path: string): SandboxError {
    return this.#fail("NOT_A_FILE", path, "it is not a regular file.");
  }

  #fail(code: ConstructorParameters<typeof SandboxError>[0], path: string, why: string): SandboxError {
    return new SandboxError(code, `${this.operation} ${path}: ${why}`, { operation: this.operation, path });
  }

  #refuseOutside(real: string, path: string): void {
    const isCache = this.snapshot.caches.has(real) || isCacheMount(real);
    if (!isCache && !isOurs(real) && real !== "/proc" && real !== "/dev" && real !== "/sys") return;
    throw unsupported(
      this.operation,
      "/proc, /dev, /sys and caches are in no snapshot; only commands see them.",
      path,
    );
  }

  /** Most paths have no link: asking for all parts at once costs one round trip. */
  #ahead(at: string, parts: readonly string[]): void {
    let next = at;
    for (const part of parts) {
      if (part === "." || part === "..") return;
      next += `/${part}`;
      void this.lookup(next);
    }
  }

  async #lookup(real: string): Promise<Stat | undefined> {
    const { workspace, container } = this.snapshot;
    const steps = [workspace.container(container), statStep(real)];
    try {
      return readStat(await workspace.session.run<RawStat>(steps, STAT_FIELDS, this.#asked));
    } catch (error) {
      if (error instanceof QueryFailure && saysMissing(error)) return undefined;
      return asking(this.operation, real, () => Promise.reject(error));
    }
  }

  #ask<T>(steps: readonly Step[], fields: string): Promise<T> {
    const { workspace, container } = this.snapshot;
    const all = [workspace.container(container), ...steps];
    return asking(this.operation, undefined, () => workspace.session.run<T>(all, fields, this.#asked));
  }
}

export function parentOf(real: string): string {
  return real.slice(0, Math.max(0, real.lastIndexOf("/")));
}

function partsOf(path: string): string[] {
  return path.split("/").filter(Boolean);
}

function isOurs(real: string): boolean {
  return real === MOUNT || real === CHANNEL || isCacheMount(real);
}
