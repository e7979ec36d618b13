import { type Command, commandsOf, programOf, type Scripts, type Word } from "./command-line.js";
import { type Effect, effectOf, passedEffect } from "./effects.js";
import { referencesOf } from "./references.js";

/** What running a script does. */
export type Reading =
  /** It looks, and it ends. */
  | { kind: "looks" }
  /** `instead` is a line of shell that does the same and only looks; undefined where none can be told. */
  | { kind: Effect["kind"]; instead: string | undefined };

const looks: Reading = { kind: "looks" };
/** Scripts that call each other make a line that doubles with each call. */
const LONGEST_LINE = 4000;
/** Nobody follows more calls of scripts; one that needs more is taken to write. */
const MOST_CALLS = 20;

/**
 * Reads a script of package.json and those that it runs. What a program of the project's own does is not known, and is
 * taken to look.
 *
 * @param members - The scripts of the workspace's packages.
 */
export function readScript(name: string, scripts: Scripts, members: readonly Scripts[] = []): Reading {
  return read(name, scripts, { members, within: [], known: new Map() });
}

interface Context {
  members: readonly Scripts[];
  /** Scripts that are being read: one that runs itself is read once. */
  within: readonly string[];
  /** What has been read of each package. */
  known: Map<Scripts, Map<string, Reading>>;
}

function read(name: string, scripts: Scripts, context: Context): Reading {
  const script = Object.hasOwn(scripts, name) ? scripts[name] : undefined;
  if (script === undefined || context.within.includes(name)) return looks;
  if (context.within.length === MOST_CALLS) return { kind: "writes", instead: undefined };
  const known = context.known.get(scripts) ?? new Map<string, Reading>();
  context.known.set(scripts, known);
  const reading =
    known.get(name) ?? readText(script, scripts, { ...context, within: [...context.within, name] });
  known.set(name, reading);
  return reading;
}

function readText(script: string, scripts: Scripts, context: Context): Reading {
  const commands = commandsOf(script);
  if (commands === undefined) return unreadable(script);
  let line = script;
  let kind: Effect["kind"] | undefined;
  // From the end on, so that what stands before keeps its place.
  for (const command of commands.toReversed()) {
    const reading = readCommand(command, scripts, context, script);
    if (reading.kind === "looks") continue;
    kind = kind === "writes" ? kind : reading.kind;
    const [first, last] = [command.words[0], command.words.at(-1)];
    if (reading.instead === undefined || first === undefined || last === undefined)
      return { kind, instead: undefined };
    line = line.slice(0, first.start) + reading.instead + line.slice(last.end);
    if (line.length > LONGEST_LINE) return { kind, instead: undefined };
  }
  return kind === undefined ? looks : { kind, instead: line.trim() };
}

function readCommand(command: Command, scripts: Scripts, context: Context, script: string): Reading {
  const program = programOf(command);
  const references = referencesOf(program, scripts);
  if (references === undefined) return mended(command, script);
  const { names, ofMembers, passed } = references;
  const effect = passedEffect(passed);
  const readings = ofMembers
    ? context.members.flatMap((member) => names.map((name) => read(name, member, { ...context, within: [] })))
    : names.map((name) => read(name, scripts, context));
  const changing = readings.find(({ kind }) => kind !== "looks");
  if (changing === undefined && effect === undefined) return looks;
  const kind = effect?.kind ?? changing?.kind;
  if (kind === undefined || kind === "looks") return looks;
  if (changing === undefined) return { kind, instead: withoutPassed(command, passed, script) };
  if (ofMembers || passed.length > 0) return { kind, instead: undefined };
  const lines = names.map((name, index) => {
    const reading = readings[index];
    if (reading === undefined || reading.kind === "looks") return scripts[name];
    return reading.instead;
  });
  if (lines.some((line) => line === undefined)) return { kind, instead: undefined };
  const grouped = lines.map((line) =>
    /[|;&\n]/.test((line ?? "").replaceAll("&&", "")) ? `(${line})` : line,
  );
  return { kind, instead: grouped.join(" && ") };
}

/** "npm run lint -- --fix" without what makes it write, and without the dashes where nothing is left behind them. */
function withoutPassed(command: Command, passed: readonly Word[], script: string): string {
  const before = script.slice(command.words[0]?.start ?? 0, passed[0]?.start ?? 0).trimEnd();
  const kept = passed.filter((word) => passedEffect([word]) === undefined);
  if (kept.length === 0) return before.replace(/\s--$/, "");
  return [before, ...kept.map(({ start, end }) => script.slice(start, end))].join(" ");
}

/** A command as it is, or without what makes it write. */
function mended(command: Command, script: string): Reading {
  let instead = textOf(command, script);
  let kind: Effect["kind"] | undefined;
  for (let rounds = 0, now: Command | undefined = command; now !== undefined && rounds < 10; rounds++) {
    const effect = effectOf(now);
    if (effect === undefined) return kind === undefined ? looks : { kind, instead };
    kind = kind === "writes" ? kind : effect.kind;
    if (effect.mend === undefined) return { kind, instead: undefined };
    const { word, by } = effect.mend;
    const from = now === command ? word.start - (command.words[0]?.start ?? 0) : word.start;
    const before = instead.slice(0, from);
    const after = instead.slice(from + (word.end - word.start));
    instead = `${before}${by}${by === "" ? after.trimStart() : after}`.trim();
    const [next] = commandsOf(instead) ?? [];
    now = next === undefined ? undefined : { ...next, operator: command.operator };
  }
  return { kind: kind ?? "writes", instead: undefined };
}

/** More of a program than a line: only its words are known. */
function unreadable(script: string): Reading {
  if (/\s(--fix|--write)\b/.test(script)) return { kind: "writes", instead: undefined };
  return /\s--watch\b/.test(script) ? { kind: "never ends", instead: undefined } : looks;
}

function textOf({ words }: Command, script: string): string {
  return script.slice(words[0]?.start ?? 0, words.at(-1)?.end ?? 0);
}
