import { posix } from "node:path";

/** A line of a requirements file, or an entry of a list of dependencies. */
export type Requirement =
  | { kind: "package"; name: string; text: string }
  /** The project itself, with extras. */
  | { kind: "self"; extras: string[] }
  /** Another directory or file of the project. */
  | { kind: "local"; text: string }
  | { kind: "file" | "constraint"; path: string }
  /** Another group of the same table, PEP 735. */
  | { kind: "group"; name: string };

/** As PyPI compares names. */
export function normalized(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** @param from The file whose lines they are: pip looks beside it for the files that it names. */
export function parseRequirements(lines: readonly string[], ownName?: string, from = ""): Requirement[] {
  return lines.flatMap((line) => parseRequirement(line, ownName, from) ?? []);
}

/** Undefined for comments, and for options that only pip itself needs. */
function parseRequirement(line: string, ownName: string | undefined, from: string): Requirement | undefined {
  const text = line
    .replace(/(^|\s)#.*$/, "")
    .replace(/\s--hash[ =].*$/, "")
    .replace(/\\$/, "")
    .trim();
  if (text === "" || text.length > 1000 || !/^[\x20-\x7e]+$/.test(text)) return undefined;
  const option = /^(-r|--requirement|-c|--constraint|-e|--editable)(?:\s*=\s*|\s*)(\S.*)$/.exec(text);
  if (option !== null) {
    const value = (option[2] ?? "").replace(/^["']|["']$/g, "");
    if (/^(-r|--req)/.test(option[1] ?? "")) return inProject("file", value, from);
    if (/^(-c|--con)/.test(option[1] ?? "")) return inProject("constraint", value, from);
    return parseTarget(value, ownName);
  }
  return text.startsWith("-") ? undefined : parseTarget(text, ownName);
}

function parseTarget(text: string, ownName: string | undefined): Requirement | undefined {
  const own = /^(?:file:)?\.\/?(?:\[([^\]]*)\])?(?:#.*)?$/.exec(text);
  if (own !== null) return { kind: "self", extras: names(own[1]) };
  if (/^(\.|\/|file:|~)/.test(text)) return { kind: "local", text };
  const url = /^(git|hg|svn|bzr|https?)[+:]/.exec(text);
  if (url !== null)
    return { kind: "package", name: normalized(/[#&]egg=([\w.-]+)/.exec(text)?.[1] ?? ""), text };
  const named = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(.*)$/.exec(text);
  const name = named?.[1];
  if (name === undefined) return undefined;
  if (ownName !== undefined && normalized(name) === ownName)
    return { kind: "self", extras: names(named?.[2]) };
  if (/^@\s*(file:|\{|\.)/.test(named?.[3] ?? "")) return { kind: "local", text };
  return { kind: "package", name: normalized(name), text };
}

/** Only files of the project are read; what leads out of it is pip's to complain of. */
function inProject(kind: "file" | "constraint", value: string, from: string): Requirement {
  const path = posix.normalize(posix.join(posix.dirname(from), value));
  const isOurs = /^[\w@+=,./-]+$/.test(value) && !value.startsWith("/") && !/^\.\.(\/|$)/.test(path);
  return isOurs ? { kind, path } : { kind: "local", text: value };
}

function names(list: string | undefined): string[] {
  return (list ?? "")
    .split(",")
    .map((name) => normalized(name.trim()))
    .filter((name) => name !== "");
}
