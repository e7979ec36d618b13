import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isWithin } from "../../state/places.js";
import { type Caller, type Place, pathOf, placesOf } from "./caller.js";
import type { Toolchain } from "./known.js";
import { type Launcher, launchersIn, mixedDirectories } from "./launchers.js";
import { type Captured, expand } from "./patterns.js";
import { KnownRoots, type Match, realOf } from "./roots.js";
import { behindShims } from "./shims.js";
import { whyNotTrusted } from "./trusted.js";
import { ofFewVersions } from "./versions.js";

/** What of a caller's toolchains sandboxes are shown, read-only and at its own place. */
export interface Toolchains {
  /** Directories and large files. */
  readonly shown: readonly Place[];
  /** Small files, which are copied. */
  readonly copies: readonly Place[];
  readonly links: readonly { at: string; target: string }[];
  /** What stands in a sandbox for each directory of the caller's PATH, in its order. */
  readonly path: ReadonlyMap<string, readonly string[]>;
  /** What is looked in last: uv finds its Pythons on PATH. */
  readonly after: readonly string[];
  /** What the toolchains need to be told. */
  readonly environment: Readonly<Record<string, string>>;
  /** For people: each directory of PATH outside of what is shown anyway. */
  readonly found: readonly FoundToolchain[];
}

export interface FoundToolchain {
  readonly directory: string;
  /** The kind of toolchain, where it is a known one. */
  readonly name?: string;
  /** Where nothing of it is shown. */
  readonly whyNot?: string;
}

/** A file up to here is copied: each mount costs every command. */
const SMALL_BYTES = 64 * 1024;

/** The known toolchains in the caller's PATH: what is first there is what a person means. */
export function findToolchains(caller: Caller): Toolchains {
  const finder = new Finder(caller);
  const path = new Map<string, readonly string[]>();
  const found: FoundToolchain[] = [];
  for (const directory of pathOf(caller)) {
    const stands = finder.show(directory);
    path.set(directory, stands);
    if (caller.isShown(directory) || !existsSync(directory)) continue;
    const { name, why } = finder.verdictOn(directory);
    const whyNot = stands.length > 0 ? undefined : (why ?? "it is no toolchain that is known");
    found.push({ directory, ...(name !== undefined && { name }), ...(whyNot !== undefined && { whyNot }) });
  }
  finder.showJavaHome();
  const { shown, copies, links, after, environment } = finder;
  return {
    shown: [...shown.values()],
    copies: [...copies.values()],
    links: [...links.values()],
    path,
    after,
    environment,
    found,
  };
}

class Finder {
  readonly shown = new Map<string, Place>();
  readonly copies = new Map<string, Place>();
  readonly links = new Map<string, { at: string; target: string }>();
  readonly after: string[] = [];
  readonly environment: Record<string, string> = {};
  readonly #verdicts = new Map<string, { name?: string; why?: string }>();
  readonly #added = new Map<string, { name: string; why?: string }>();
  readonly #known: KnownRoots;
  readonly #mixed: ReadonlySet<string>;

  constructor(private readonly caller: Caller) {
    this.#known = new KnownRoots(caller);
    this.#mixed = mixedDirectories(caller);
  }

  /** What stands for a directory of PATH. */
  show(directory: string): string[] {
    const behind = behindShims(directory, this.caller);
    if (behind === undefined) return this.#showOne(directory, directory);
    this.#verdicts.set(directory, {
      name: behind.name,
      why: "the versions that it stands for are not known",
    });
    return [...new Set(behind.directories.flatMap((each) => this.#showOne(each, directory)))];
  }

  verdictOn(directory: string): { name?: string; why?: string } {
    return this.#verdicts.get(directory) ?? {};
  }

  /** Java's builds go by it, on PATH or not. */
  showJavaHome(): void {
    const { JAVA_HOME } = this.caller.env;
    if (!JAVA_HOME?.startsWith("/")) return;
    this.#showOne(join(JAVA_HOME, "bin"), JAVA_HOME);
    if (this.#isShown(join(JAVA_HOME, "bin"))) this.environment.JAVA_HOME = JAVA_HOME;
  }

  #showOne(directory: string, asked: string): string[] {
    const match = this.#known.match(directory);
    if (match) this.#add(match, asked);
    if (this.#mixed.has(directory)) this.#addLaunchers(directory, asked);
    const at = match?.directory ?? directory;
    return this.#isShown(at) ? [at] : [];
  }

  #isShown(directory: string): boolean {
    if (this.caller.isShown(directory)) return true;
    if ([...this.shown.keys()].some((at) => isWithin(directory, at) || dirname(at) === directory))
      return true;
    return [...this.copies.keys(), ...this.links.keys()].some((at) => dirname(at) === directory);
  }

  #add({ toolchain, root, captured }: Match, asked: string): void {
    const { name, parts, beside, variable, choice } = toolchain;
    const key = JSON.stringify([root, parts, captured]);
    const before = this.#added.get(key);
    if (before) {
      this.#verdicts.set(asked, before);
      return;
    }
    const chosen = choice && this.caller.env[choice];
    const why = this.#addParts(root, parts, captured, chosen);
    const verdict = { name, ...(why !== undefined && { why }) };
    this.#added.set(key, verdict);
    this.#verdicts.set(asked, verdict);
    if (variable) this.environment[variable] = root;
    if (beside) this.#addBeside(beside);
    if (choice && chosen) this.environment[choice] = chosen;
  }

  #addBeside({ variable, root, parts }: NonNullable<Toolchain["beside"]>): void {
    const place = [`$${variable}`, root]
      .flatMap((each) => placesOf(each, this.caller))
      .find((each) => existsSync(each));
    if (place === undefined) return;
    this.#addParts(place, parts, {}, undefined);
    this.environment[variable] = place;
  }

  /** Gives the first reason why something was left out. */
  #addParts(
    root: string,
    parts: readonly string[],
    captured: Captured,
    chosen: string | undefined,
  ): string | undefined {
    const { paths: all, links } = expand(root, parts, captured);
    const paths = ofFewVersions(root, all, chosen);
    const whys = paths.map((path) => this.#addPlace(path, root));
    for (const link of links) if (!this.caller.isShown(link.at)) this.links.set(link.at, link);
    for (const path of paths) if (basename(path) === "bin") this.#addInterpreter(path);
    return whys.find((why) => why !== undefined);
  }

  #addPlace(at: string, root: string): string | undefined {
    if (this.caller.isShown(at) || this.shown.has(at) || this.copies.has(at)) return undefined;
    const from = realOf(at);
    const start = realOf(root);
    if (from === undefined || start === undefined) return `${at} can't be looked at`;
    if (!this.caller.isShown(from)) {
      const why = isWithin(from, start)
        ? (this.caller.whyNever(from) ?? whyNotTrusted(from, this.caller.strangers))
        : `it leads out of ${root}, to ${from}`;
      if (why !== undefined) return `${at}: ${why}`;
    }
    const stat = statSync(from);
    const places = stat.isFile() && stat.size <= SMALL_BYTES ? this.copies : this.shown;
    places.set(at, { at, from });
    return undefined;
  }

  /** A virtual environment's Python lies elsewhere. */
  #addInterpreter(bin: string): void {
    const real = realOf(join(bin, "python"));
    if (real !== undefined && !isWithin(real, bin)) this.#placeOf(real, bin);
  }

  /** Where a program without links is shown, if its toolchain is known. */
  #placeOf(real: string, asked: string): string | undefined {
    if (this.caller.isShown(real)) return real;
    const match = this.#known.matchReal(dirname(real));
    if (!match) return undefined;
    this.#add(match, asked);
    const at = join(match.directory, basename(real));
    return this.#isShown(match.directory) ? at : undefined;
  }

  #addLaunchers(directory: string, asked: string): void {
    const before = this.#verdicts.get(asked);
    const why = this.caller.whyNever(realOf(directory) ?? directory);
    for (const launcher of why === undefined ? launchersIn(directory, this.caller) : [])
      this.#addLauncher(launcher, asked);
    this.#verdicts.set(
      asked,
      before ?? { name: "programs by name", why: why ?? "none of its programs is known" },
    );
    const uv = join(directory, "uv");
    if ([this.links, this.shown, this.copies].some((map) => map.has(uv))) this.#addPythonsOfUv();
  }

  #addPythonsOfUv(): void {
    for (const root of this.#known.rootsOf("uv pythons"))
      for (const name of versionsIn(root)) this.after.push(...this.#showOne(join(root, name, "bin"), root));
  }

  #addLauncher({ at, target }: Launcher, asked: string): void {
    if (target === undefined) this.#addPlace(at, dirname(at));
    else if (dirname(target) === dirname(at)) this.links.set(at, { at, target });
    else {
      const place = this.#placeOf(target, at === asked ? asked : at);
      if (place !== undefined) this.links.set(at, { at, target: place });
    }
  }
}

/** Without the links beside them, "cpython-3.12" to the newest of them. */
function versionsIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name);
}
