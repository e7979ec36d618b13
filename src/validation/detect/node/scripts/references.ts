import type { Scripts, Word } from "./command-line.js";

/** Scripts that a command runs. */
export interface References {
  /** Names, in the order in which they run. */
  names: string[];
  /** They are scripts of the workspace's packages, not of this one. */
  ofMembers: boolean;
  /** What is passed on to them. */
  passed: readonly Word[];
}

/** Words of the managers that are commands of their own, not scripts. */
const ownCommands =
  /^(install|i|ci|add|remove|exec|x|dlx|node|audit|publish|pack|link|config|why|up|upgrade|dedupe|rebuild|pkg|version|init|create|patch|store|fetch|deploy|import|cache|set|plugin|workspace|workspaces|info|list|ls|outdated|prune|root|bin|help|login|logout|pm|build|test|--version)$/;

/** The scripts that a command runs through a manager or a runner of scripts; undefined where it is neither. */
export function referencesOf(program: readonly Word[], scripts: Scripts): References | undefined {
  const [first, ...rest] = program.map(({ text }) => text);
  if (first === undefined) return undefined;
  const end = rest.indexOf("--");
  const own = end === -1 ? rest : rest.slice(0, end);
  const passed = end === -1 ? [] : program.slice(end + 2);
  if (/^(run-s|run-p|npm-run-all2?|npm-run-all)$/.test(first)) {
    const patterns = own.filter((word) => !word.startsWith("-")).map((word) => word.split(" ")[0] ?? "");
    return { names: patterns.flatMap((pattern) => matching(pattern, scripts)), ofMembers: false, passed };
  }
  if (/^(turbo|nx|lerna)$/.test(first)) return taskRunner(own, passed);
  if (first === "concurrently") {
    const named = own.flatMap((word) => /^(?:npm|yarn|pnpm|bun):([^ ]+)$/.exec(word)?.[1] ?? []);
    return named.length === own.filter((word) => !word.startsWith("-")).length && named.length > 0
      ? { names: named.flatMap((pattern) => matching(pattern, scripts)), ofMembers: false, passed }
      : undefined;
  }
  if (/^(npm|pnpm|yarn|bun)$/.test(first)) return throughManager(first, program.slice(1), scripts);
  return undefined;
}

function taskRunner(own: readonly string[], passed: readonly Word[]): References | undefined {
  const targets = own.flatMap((word, index) => {
    const [, inline] = /^--(?:target|targets)=(.*)$/.exec(word) ?? [];
    return inline ?? (/^(-t|--target|--targets)$/.test(own[index - 1] ?? "") ? word : []);
  });
  const words = own.filter((word) => !word.startsWith("-") && !/^(run|run-many|affected)$/.test(word));
  const names = targets.length > 0 ? targets.flatMap((target) => target.split(",")) : words;
  return names.length === 0 ? undefined : { names, ofMembers: true, passed };
}

function throughManager(manager: string, words: readonly Word[], scripts: Scripts): References | undefined {
  let ofMembers = false;
  let at = 0;
  let named = false;
  for (; at < words.length; at++) {
    const { text } = words[at] as Word;
    if (
      /^(-r|--recursive|-ws|--workspaces|workspaces|foreach|workspace|-w|--workspace|--filter|-F)$/.test(text)
    ) {
      ofMembers = true;
      if (/^(-w|--workspace|--filter|-F|workspace)$/.test(text)) at++;
    } else if (/^--(workspace|filter)=/.test(text)) ofMembers = true;
    else if (/^(run|run-script)$/.test(text)) named = true;
    else if (!text.startsWith("-")) break;
  }
  const word = words[at];
  if (word === undefined) return undefined;
  const name = /^(t|tst)$/.test(word.text) && manager === "npm" ? "test" : word.text;
  if (named && name.startsWith("/")) return { names: matching(name, scripts), ofMembers, passed: [] };
  const known = ofMembers || Object.hasOwn(scripts, name);
  const short = name === "test" ? manager !== "bun" : manager !== "npm" && !ownCommands.test(name);
  if (!known || (!named && !short && !ofMembers)) return undefined;
  const after = words.slice(at + 1);
  // npm keeps what stands before "--" for itself.
  const dashes = after.findIndex(({ text }) => text === "--");
  if (dashes !== -1) return { names: [name], ofMembers, passed: after.slice(dashes + 1) };
  return { names: [name], ofMembers, passed: manager === "npm" ? [] : after };
}

/** "lint:*" is each script that is called so, as is "/^lint:/" to pnpm. */
function matching(pattern: string, scripts: Scripts): string[] {
  const [, prefix] = /^\/\^?([\w:-]+)(?:\.\*)?\$?\/$/.exec(pattern) ?? [];
  if (prefix !== undefined) return Object.keys(scripts).filter((name) => name.startsWith(prefix));
  if (!pattern.includes("*")) return [pattern];
  // The first star is enough to tell; a pattern of many would take for ever.
  const [head = "", tail = ""] = [
    pattern.slice(0, pattern.indexOf("*")),
    pattern.slice(pattern.lastIndexOf("*") + 1),
  ];
  return Object.keys(scripts).filter(
    (name) => name.length >= head.length + tail.length && name.startsWith(head) && name.endsWith(tail),
  );
}
