import type { Found } from "../detected.js";
import type { Manager } from "./manager.js";
import type { Manifest } from "./manifest.js";
import { commandsOf, programOf, type Scripts } from "./scripts/command-line.js";
import { readScript } from "./scripts/looking.js";
import { referencesOf } from "./scripts/references.js";

/** What scripts are to be run as checks, and why others are not. */
export interface Checks {
  checks: Record<string, Found>;
  leftOut: string[];
}

/** A kind of check by the names of its scripts. */
export interface Family {
  whole: RegExp;
  /** These count only where there is no script for the whole. */
  parts?: RegExp;
  /** By custom the one that only looks, where the whole does not. */
  looks?: RegExp;
  /** What a script must say to be one, where its name alone does not tell. */
  says?: RegExp;
}

const families: readonly Family[] = [
  { whole: /^(type-?check|check[:-]?types?|types?[:-]check|ts[:-]check|check[:-]ts|tsc|check)$/ },
  {
    whole: /^lint$/,
    parts: /^lint[:-]./,
    looks: /^(lint[:-](check|ci|no-?fix|dry-?run)|(check|ci)[:-]lint)$/,
  },
  { whole: /^((format|fmt|prettier|style)[:-]check|check[:-](format|fmt|prettier))$/ },
  { whole: /^(format|fmt|prettier)$/, says: /\s(--check|--list-different|-c|-l)\b|\bbiome (ci|format)\b/ },
  { whole: /^tests?$/, parts: /^test[:-]./, looks: /^test[:-](ci|run|once|all|no-?watch)$/ },
  { whole: /^smoke([:-]test)?$/ },
];

/** Whoever wrote the scripts must not decide how many checks there are. */
const MOST_PARTS = 50;
const changesOrNeverEnds = /(^|[:-])(fix|write|watch|dev|debug|ui|update|open|headed|cov|coverage)($|[:-])/;

/** The checks of a project by its scripts; of a kind that it has none of, those of its workspace's packages. */
export function scriptChecks(root: Manifest, members: readonly Manifest[], manager: Manager): Checks {
  const found: Checks = { checks: {}, leftOut: [] };
  for (const family of families) {
    const names = scriptsOf(family, root.scripts);
    const ofRoot = names.filter((name) => addOfRoot(found, name, { family, root, members, manager }));
    if (ofRoot.length === 0) addOfMembers(found, family, members, manager);
  }
  dropThoseThatOnlyRunOthers(found, root.scripts);
  return found;
}

export function scriptsOf({ whole, parts, says }: Family, scripts: Scripts): string[] {
  const names = Object.keys(scripts).filter(
    (name) =>
      !changesOrNeverEnds.test(name) &&
      !/no test specified/.test(scripts[name] ?? "") &&
      (says === undefined || says.test(scripts[name] ?? "")),
  );
  const found = names.filter((name) => whole.test(name));
  if (found.length > 0 || parts === undefined) return found;
  return names.filter((name) => parts.test(name)).slice(0, MOST_PARTS);
}

interface Of {
  family: Family;
  root: Manifest;
  members: readonly Manifest[];
  manager: Manager;
}

/** Returns whether there is a check of it now. */
function addOfRoot(found: Checks, name: string, { family, root, members, manager }: Of): boolean {
  const ofMembers = members.map(({ scripts }) => scripts);
  const way = wayToLook(name, family, root, ofMembers);
  // Who only has one that writes does not check the format.
  if (family.says !== undefined && (way.kind !== "script" || way.name !== name)) return false;
  if (way.kind === "none") {
    found.leftOut.push(`the script "${name}" of package.json, as it ${way.reason}`);
    return false;
  }
  const run = way.kind === "script" ? manager.run(way.name) : manager.shell(way.line);
  if (!Object.values(found.checks).some((other) => other.run === run))
    found.checks[checkName(way.kind === "script" ? way.name : name)] = { run, because: way.because };
  return true;
}

type Way =
  | { kind: "script"; name: string; because: string }
  | { kind: "line"; line: string; because: string }
  | { kind: "none"; reason: string };

/** How what a script looks for is looked for without a change, and to its end. */
function wayToLook(
  name: string,
  family: Family,
  { at, scripts }: Manifest,
  members: readonly Scripts[],
): Way {
  const file = at === "" ? "package.json" : `${at}/package.json`;
  const reading = readScript(name, scripts, members);
  if (reading.kind === "looks") return { kind: "script", name, because: `the script "${name}" of ${file}` };
  const other = Object.keys(scripts).find(
    (each) => family.looks?.test(each) && readScript(each, scripts, members).kind === "looks",
  );
  if (other !== undefined) {
    const because = `the script "${other}" of ${file}, as "${name}" ${reading.kind}`;
    return { kind: "script", name: other, because };
  }
  if (reading.instead === undefined)
    return { kind: "none", reason: `${reading.kind}, and nothing tells how to look only` };
  const because = `the script "${name}" of ${file}, without what makes it ${reading.kind === "writes" ? "write" : "go on for ever"}`;
  return { kind: "line", line: reading.instead, because };
}

function addOfMembers(found: Checks, family: Family, members: readonly Manifest[], manager: Manager): void {
  const holders = new Map<string, Manifest[]>();
  for (const member of members)
    for (const name of scriptsOf(family, member.scripts))
      holders.set(name, [...(holders.get(name) ?? []), member]);
  for (const [name, having] of holders) {
    const ways = having.map((member) => ({ member, way: wayToLook(name, family, member, []) }));
    const lines = ways.flatMap(({ member, way }) => {
      if (way.kind === "script") return manager.run(way.name, member);
      if (way.kind === "line") return `(cd ${member.at} && ${manager.shell(way.line)})`;
      found.leftOut.push(`the script "${name}" of ${member.at}/package.json, as it ${way.reason}`);
      return [];
    });
    const all = ways.every(({ way }) => way.kind === "script" && way.name === name);
    const run = all ? manager.runEverywhere(name, having) : lines.join(" && ");
    const because = all
      ? `the script "${name}" of packages of the workspace, which the project has none for`
      : ways.flatMap(({ way }) => (way.kind === "none" ? [] : [way.because])).join("; ");
    if (run !== "") found.checks[checkName(name)] = { run, because };
  }
}

/** "check": "npm run lint && npm test" would run these a second time. */
function dropThoseThatOnlyRunOthers({ checks, leftOut }: Checks, scripts: Scripts): void {
  for (const name of Object.keys(checks)) {
    const commands = commandsOf(scripts[name] ?? "") ?? [];
    const references = commands.map((command) => referencesOf(programOf(command), scripts));
    const onlyOthers =
      references.length > 0 &&
      references.every(
        (each) =>
          each !== undefined &&
          !each.ofMembers &&
          each.names.length > 0 &&
          each.names.every((other) => other !== name && checkName(other) in checks),
      );
    if (!onlyOthers) continue;
    delete checks[name];
    leftOut.push(
      `the script "${name}" of package.json, as it only runs scripts that are checks of their own`,
    );
  }
}

export function checkName(script: string): string {
  return script.replace(/[^A-Za-z0-9._:-]/g, "-").slice(0, 64);
}
