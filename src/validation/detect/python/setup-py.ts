import { parseRequirements, type Requirement } from "./requirement.js";

/** What a setup.py says in so many words. It is read as text: running it would be running the candidate. */
export interface SetupPy {
  main: Requirement[];
  extras: Record<string, Requirement[]>;
  tests: Requirement[];
  /** Its dependencies are a list of strings, or it has none. */
  isLiteral: boolean;
}

export function setupPyDependencies(text: string, ownName: string | undefined): SetupPy {
  const listOf = (key: string) => literals(after(text, new RegExp(`\\b${key}\\s*=\\s*(?=[\\[(])`)));
  const main = listOf("install_requires");
  const extras: Record<string, Requirement[]> = {};
  const map =
    after(text, /\bextras_require\s*=\s*(?=\{)/) ?? after(text, /\bextras?(?:_require)?\s*=\s*(?=\{)/) ?? "";
  for (const [, name = "", list = ""] of map.matchAll(/["']([A-Za-z0-9._-]+)["']\s*:\s*\[([^\]]*)\]/g))
    extras[name] = parseRequirements(literals(`[${list}]`) ?? [], ownName);
  return {
    main: parseRequirements(main ?? [], ownName),
    extras,
    tests: parseRequirements(listOf("tests_require") ?? [], ownName),
    isLiteral: main !== undefined || !/\binstall_requires\b/.test(text),
  };
}

/** The bracket that follows, to its end. */
function after(text: string, key: RegExp): string | undefined {
  const found = key.exec(text);
  if (found === null) return undefined;
  const start = found.index + found[0].length;
  let depth = 0;
  for (let at = start; at < text.length && at < start + 20_000; at++) {
    const char = text[at] ?? "";
    if ("[({".includes(char)) depth++;
    if ("])}".includes(char) && --depth === 0) return text.slice(start, at + 1);
    if (char === '"' || char === "'") {
      const end = text.indexOf(char, at + 1);
      if (end === -1) return undefined;
      at = end;
    }
    if (char === "#") at = Math.max(at, text.indexOf("\n", at) - 1);
  }
  return undefined;
}

/** The strings of a list that holds nothing else. */
function literals(list: string | undefined): string[] | undefined {
  if (list === undefined) return undefined;
  const bare = list.slice(1, -1).replace(/#[^\n]*/g, "");
  const strings = [...bare.matchAll(/"([^"\n]*)"|'([^'\n]*)'/g)].map((found) => found[1] ?? found[2] ?? "");
  const rest = bare.replace(/"[^"\n]*"|'[^'\n]*'/g, "").replace(/[\s,]/g, "");
  return rest === "" ? strings : undefined;
}
