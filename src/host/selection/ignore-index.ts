import type { MatchWork } from "./match-work.js";
import { matchesName, matchesPath, type Part } from "./wildcards.js";

/** A rule of a `.gitignore`. */
export interface Rule {
  /** The later rule of a file decides. */
  order: number;
  negated: boolean;
  onlyDirectories: boolean;
  /** Of one part: matched against the last name, at any depth, instead of the path from the file that holds it. */
  anyDepth: boolean;
  parts: readonly Part[];
  /** There is no wildcard in it. */
  literal: boolean;
}

/** A path, in the forms in which rules look at it. */
export interface IgnoredPath {
  path: string;
  name: string;
  isDirectory: boolean;
}

/**
 * The rules of one file, found by what is plain text in them: so that a name is not tried on 60,000 of them. A rule
 * is in exactly one of the indexes.
 */
export class IgnoreIndex {
  /** Without wildcards: by the last name, and by the path. */
  readonly #names = new Map<string, Rule[]>();
  readonly #paths = new Map<string, Rule[]>();
  /** With wildcards, the last part none: by that. */
  readonly #lastNames = new Map<string, Rule[]>();
  /** By what the last part begins with, then by what it ends with. */
  readonly #affixes = new ByLength<ByLength<Rule[]>>();
  /** Ending with `**`: by a plain name that they have; "" where they have none. */
  readonly #below = new Map<string, Rule[]>();

  add(rule: Rule): void {
    const last = rule.parts.at(-1) as Part;
    if (last.kind === "globstar") push(this.#below, longestName(rule.parts), rule);
    else if (last.kind === "wildcard") {
      const tails = this.#affixes.getOrAdd(last.head, () => new ByLength<Rule[]>());
      tails.getOrAdd(last.tail, () => []).push(rule);
    } else if (rule.anyDepth) push(this.#names, last.text, rule);
    else if (rule.literal) push(this.#paths, rule.parts.map(textOf).join("/"), rule);
    else push(this.#lastNames, last.text, rule);
  }

  /** The last rule that names the path. */
  last(path: IgnoredPath, work: MatchWork): Rule | undefined {
    const search = new Search(path, work);
    search.among(this.#names.get(path.name));
    search.among(this.#paths.get(path.path));
    search.among(this.#lastNames.get(path.name));
    for (const tails of this.#affixes.starting(path.name, work))
      for (const rules of tails.ending(path.name, work)) search.among(rules);
    if (this.#below.size > 0) {
      search.among(this.#below.get(""));
      for (const name of new Set(search.names)) {
        work.spend(1);
        search.among(this.#below.get(name));
      }
    }
    return search.found;
  }
}

class Search {
  found: Rule | undefined;
  readonly #path: IgnoredPath;
  readonly #work: MatchWork;
  #split: string[] | undefined;

  constructor(path: IgnoredPath, work: MatchWork) {
    this.#path = path;
    this.#work = work;
  }

  /** Rules in their order, of which the last counts. */
  among(rules: readonly Rule[] | undefined): void {
    if (rules === undefined) return;
    for (let index = rules.length - 1; index >= 0; index--) {
      const rule = rules[index] as Rule;
      if (this.found !== undefined && rule.order < this.found.order) return;
      if (rule.onlyDirectories && !this.#path.isDirectory) this.#work.spend(1);
      else if (this.#matches(rule)) {
        this.found = rule;
        return;
      }
    }
  }

  #matches({ anyDepth, literal, parts }: Rule): boolean {
    const [first] = parts;
    if (anyDepth && first?.kind === "wildcard") return matchesName(first, this.#path.name, this.#work);
    // Without wildcards, it was found by all that it says.
    if (literal) return true;
    return matchesPath(parts, this.names, this.#work);
  }

  get names(): string[] {
    this.#split ??= this.#path.path.split("/");
    return this.#split;
  }
}

/** Values by a text, and which lengths such texts have. */
class ByLength<V> {
  readonly #values = new Map<string, V>();
  readonly #lengths = new Set<number>();

  getOrAdd(text: string, make: () => V): V {
    const value = this.#values.get(text) ?? make();
    this.#values.set(text, value);
    this.#lengths.add(text.length);
    return value;
  }

  /** Those of which the name begins with the text. */
  starting(name: string, work: MatchWork): V[] {
    return this.#those(work, (length) => (length > name.length ? undefined : name.slice(0, length)));
  }

  ending(name: string, work: MatchWork): V[] {
    return this.#those(work, (length) =>
      length > name.length ? undefined : name.slice(name.length - length),
    );
  }

  #those(work: MatchWork, textOf: (length: number) => string | undefined): V[] {
    const found: V[] = [];
    work.spend(this.#lengths.size);
    for (const length of this.#lengths) {
      const text = textOf(length);
      const value = text === undefined ? undefined : this.#values.get(text);
      if (value !== undefined) found.push(value);
    }
    return found;
  }
}

function textOf(part: Part): string {
  return part.kind === "literal" ? part.text : "";
}

/** The longest is the one that the fewest names are. */
function longestName(parts: readonly Part[]): string {
  return parts.map(textOf).reduce((longest, text) => (text.length > longest.length ? text : longest), "");
}

function push(map: Map<string, Rule[]>, key: string, rule: Rule): void {
  const rules = map.get(key);
  if (rules === undefined) map.set(key, [rule]);
  else rules.push(rule);
}
