import { realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { isWithin } from "../../state/places.js";
import { broadPlaces, type Caller, placesOf } from "./caller.js";
import { TOOLCHAINS, type Toolchain } from "./known.js";
import { type Captured, matchPattern } from "./patterns.js";

/** A directory of programs that belongs to a toolchain. */
export interface Match {
  readonly toolchain: Toolchain;
  /** As the caller writes it. */
  readonly root: string;
  readonly captured: Captured;
  /** The directory that was asked for, in `root`. */
  readonly directory: string;
}

interface Root {
  readonly toolchain: Toolchain;
  readonly root: string;
  readonly real: string;
}

/** Where the caller has toolchains that are known. */
export class KnownRoots {
  readonly #roots: Root[] = [];

  constructor(caller: Caller) {
    const broad = broadPlaces(caller);
    for (const toolchain of TOOLCHAINS)
      for (const root of toolchain.roots.flatMap((each) => placesOf(each, caller))) {
        const real = realOf(root);
        if (real !== undefined && !broad.some((each) => isWithin(each, real)))
          this.#roots.push({ toolchain, root, real });
      }
  }

  rootsOf(name: string): string[] {
    return this.#roots.filter(({ toolchain }) => toolchain.name === name).map(({ root }) => root);
  }

  match(directory: string): Match | undefined {
    return this.#matchBy(directory, (each) => each.root) ?? this.matchReal(directory);
  }

  /** A directory by its own name: fnm's for each shell, `current` of others. */
  matchReal(directory: string): Match | undefined {
    const real = realOf(directory);
    return real === undefined ? undefined : this.#matchBy(real, (each) => each.real);
  }

  #matchBy(directory: string, from: (each: Root) => string): Match | undefined {
    for (const each of this.#roots) {
      const start = from(each);
      if (!isWithin(directory, start)) continue;
      const below = relative(start, directory);
      for (const pattern of each.toolchain.bins) {
        const captured = matchPattern(pattern, below);
        if (captured)
          return { toolchain: each.toolchain, root: each.root, captured, directory: join(each.root, below) };
      }
    }
    return undefined;
  }
}

export function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // nothing, or not for us
  }
}
