import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { bytes } from "../../layers/tree.js";
import { ArchiveError, shown } from "./error.js";

/** A path in an image, from its root, without `..`. Like all paths here, latin1 strings of bytes. */
export type Parts = readonly string[];

/**
 * Finds paths of an image that is being extracted. The kernel never follows a link in it: every parent is found
 * part by part, with links resolved against the image's own root.
 */
export class ImagePaths {
  #lastParent: { of: string; real: string } | undefined;

  constructor(
    readonly root: string,
    private readonly makeDirectory: (path: string) => void,
  ) {}

  /** Where a path of the image is on the host. Its parents are made; a link at its end is not followed. */
  place(parts: Parts): string {
    if (parts.length === 0) return this.root;
    const parent = parts.slice(0, -1);
    const of = parent.join("/");
    if (this.#lastParent?.of !== of) this.#lastParent = { of, real: this.#directory(parent) };
    return `${this.#lastParent.real}/${parts.at(-1)}`;
  }

  #directory(parts: Parts): string {
    const todo = [...parts].reverse();
    let at = this.root;
    let links = 0;
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      if (part === "..") {
        if (at !== this.root) at = at.slice(0, at.lastIndexOf("/"));
        continue;
      }
      const next = `${at}/${part}`;
      const stat = lstat(next);
      if (stat?.isSymbolicLink()) {
        if (++links > 40) throw new ArchiveError(`is damaged: ${shown(parts.join("/"))} is a loop of links`);
        const target = readlinkSync(bytes(next), "latin1");
        if (target.startsWith("/")) at = this.root;
        todo.push(
          ...target
            .split("/")
            .filter((each) => each !== "" && each !== ".")
            .reverse(),
        );
        continue;
      }
      if (stat && !stat.isDirectory())
        throw new ArchiveError(
          `is damaged: ${shown(parts.join("/"))} is to be a directory, but a file is in its way`,
        );
      if (!stat) this.makeDirectory(next);
      at = next;
    }
    return at;
  }

  /** To be called when something is removed: what was a directory may become a link. */
  forget(): void {
    this.#lastParent = undefined;
  }
}

export function children(path: string): string[] {
  return readdirSync(bytes(path), { encoding: "latin1" }).map((name) => `${path}/${name}`);
}

export function lstat(path: string): Stats | undefined {
  return lstatSync(bytes(path), { throwIfNoEntry: false });
}
