import type { z } from "zod";
import { nearest } from "./nearest.js";
import { knownKeys } from "./schema.js";
import type { ConfigPath, ConfigSource } from "./source.js";

type Issue = z.core.$ZodIssue;

/** One line for the first thing wrong with a config's shape: where, what, and what was probably meant. */
export function describeIssue(found: Issue, source: ConfigSource): string {
  const { issue, path } = deepest(found, source.value, []);
  const name = path.join(".");
  switch (issue.code) {
    case "unrecognized_keys": {
      const [key = ""] = issue.keys;
      const where = path.length === 0 ? "" : ` in ${name}`;
      const known = knownKeys[String(path[0] ?? "")] ?? [];
      const meant = nearest(key, known);
      const hint = meant === undefined ? `Known: ${known.join(", ")}.` : `Did you mean "${meant}"?`;
      return `${source.at([...path, key])}: unknown key "${key}"${where}. ${hint}`;
    }
    case "invalid_key":
      return `${source.at(path)}: "${path.at(-1)}" can't be a name here: it ${issue.issues[0]?.message ?? issue.message}`;
    case "invalid_type":
      return `${source.at(path)}: ${name || "a config"} must be ${article(issue.expected)}, not ${kindOf(valueAt(source.value, path))}${issue.expected === "string" ? quoteIt(valueAt(source.value, path), path) : ""}`;
    case "invalid_value":
      return `${source.at(path)}: ${name} must be one of ${issue.values.map(String).join(", ")}`;
    case "invalid_union": {
      const value = valueAt(source.value, path);
      return `${source.at(path)}: ${name} can't be ${kindOf(value)}${quoteIt(value, path)}`;
    }
    default:
      return `${source.at(path)}: ${name} ${issue.message}`;
  }
}

/** Of a union's branches, the one that was meant is the one whose own kind fits: its issues say what is wrong. */
function deepest(issue: Issue, value: unknown, prefix: ConfigPath): { issue: Issue; path: ConfigPath } {
  const path = [...prefix, ...(issue.path as (string | number)[])];
  if (issue.code !== "invalid_union") return { issue, path };
  const here = valueAt(value, path.slice(prefix.length));
  const meant = issue.errors
    .filter((branch) => !branch.some(({ code, path }) => code === "invalid_type" && path.length === 0))
    .sort((a, b) => a.length - b.length)[0];
  const first = meant?.find(({ code }) => code === "unrecognized_keys") ?? meant?.[0];
  return first === undefined ? { issue, path } : deepest(first, here, path);
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  let at = value;
  for (const key of path) at = (at as Record<string, unknown> | null | undefined)?.[key];
  return at;
}

/** YAML reads `true`, `off` in some versions, and `1` as something else than the command that was meant. */
function quoteIt(value: unknown, path: ConfigPath): string {
  if (typeof value !== "boolean" && typeof value !== "number") return "";
  const key = path.at(-1);
  const written = typeof key === "string" ? `${key}: "${value}"` : `"${value}"`;
  return `. A command is text: quote it, as in ${written}`;
}

function kindOf(value: unknown): string {
  if (value === undefined) return "left out";
  if (value === null) return "empty";
  if (Number.isNaN(value)) return "NaN";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : article(typeof value);
}

function article(kind: string): string {
  const name = { object: "map", record: "map", array: "list", int: "whole number" }[kind] ?? kind;
  return `a ${name}`;
}
