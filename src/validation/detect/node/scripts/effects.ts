import { type Command, programOf, type Word } from "./command-line.js";

/** What a command does that no check may: change files, or go on for ever. */
export interface Effect {
  kind: "writes" | "never ends";
  /** The word that says so, and what stands for it in a command that only looks; undefined: there is no such one. */
  mend?: { word: Word; by: string };
}

/** Words that make any command write: of eslint, stylelint, standard, xo, biome, oxlint, markdownlint and the like. */
const fixes = /^--(fix|fix-type|fix-dangerously|fix-suggestions|autofix|auto-correct)$/;
const watches = /^--(watch|watchAll|watch-all)$/;
const servers =
  /^(nodemon|webpack-dev-server|http-server|live-server|serve|browser-sync|chokidar|onchange|ts-node-dev|tsnd|json-server|start-storybook|wrangler|netlify)$/;

/** Of programs that know more than the words above. */
const byProgram: readonly { program: RegExp; word: RegExp; kind: Effect["kind"]; by?: string }[] = [
  {
    program: /^(prettier|prettierd|prettier-eslint)$/,
    word: /^(--write|-w)$/,
    kind: "writes",
    by: "--check",
  },
  { program: /^(biome|rome|oxfmt)$/, word: /^--(write|apply|apply-unsafe|unsafe)$/, kind: "writes", by: "" },
  {
    program: /^(jest|vitest|ava|bun|react-scripts)$/,
    word: /^(-u|--update|--updateSnapshot|--update-snapshots)$/,
    kind: "writes",
    by: "",
  },
  { program: /^playwright$/, word: /^(-u|--update-snapshots(=.*)?)$/, kind: "writes", by: "" },
  { program: /^deno$/, word: /^fmt$/, kind: "writes", by: "fmt --check" },
  { program: /^dprint$/, word: /^fmt$/, kind: "writes", by: "check" },
  {
    program: /^sort-package-json$/,
    word: /^sort-package-json$/,
    kind: "writes",
    by: "sort-package-json --check",
  },
  { program: /^syncpack$/, word: /^(fix|fix-mismatches|format)$/, kind: "writes" },
  { program: /^git$/, word: /^(add|commit|push|checkout|restore|stash)$/, kind: "writes" },
  {
    program: /^(tsc|vue-tsc|mocha|ava|vitest|tap|rollup|webpack)$/,
    word: /^-w$/,
    kind: "never ends",
    by: "",
  },
  { program: /^vitest$/, word: /^(watch|dev)$/, kind: "never ends", by: "run" },
  { program: /^vitest$/, word: /^--ui$/, kind: "never ends", by: "" },
  { program: /^(playwright|cypress)$/, word: /^(--ui|--debug|open)$/, kind: "never ends" },
  { program: /^(tsx|bun)$/, word: /^watch$/, kind: "never ends" },
  {
    program:
      /^(next|nuxt|nuxi|astro|remix|gatsby|ng|vue-cli-service|react-scripts|storybook|expo|vinxi|react-router|parcel|webpack)$/,
    word: /^(dev|develop|start|serve|preview)$/,
    kind: "never ends",
  },
  { program: /^vite$/, word: /^(dev|serve|preview)$/, kind: "never ends" },
];

/** Writes whatever its words are. `lint-staged` looks only at what is about to be committed, and mends it. */
const writers = /^(lint-staged|pretty-quick|prettier-package-json|changeset|auto-changelog)$/;
const looksOnly = /^--(check|dry-run|fix-dry-run|list-different|no-write)$/;

/** What this command, taken alone, does; undefined where nothing of the kind is known of it. */
export function effectOf(command: Command): Effect | undefined {
  // What goes on in the background ends with its shell.
  const ends = command.operator === "&";
  const [first, ...rest] = programOf(command);
  if (first === undefined) return undefined;
  const program = first.text.split("/").pop() ?? "";
  const own = upToDashes(rest);
  if (own.some(({ text }) => looksOnly.test(text))) return undefined;
  for (const word of [first, ...own]) {
    if (fixes.test(word.text)) return { kind: "writes", mend: { word, by: "" } };
    if (watches.test(word.text) && !ends) return { kind: "never ends", mend: { word, by: "" } };
    for (const known of byProgram) {
      if (!known.program.test(program) || !known.word.test(word.text)) continue;
      if (known.kind === "never ends" && ends) continue;
      return { kind: known.kind, ...(known.by === undefined ? {} : { mend: { word, by: known.by } }) };
    }
  }
  if (writers.test(program)) return { kind: "writes" };
  if (ends) return undefined;
  const isServer =
    servers.test(program) || (program === "vite" && rest.every(({ text }) => text.startsWith("-")));
  return isServer ? { kind: "never ends" } : undefined;
}

/** Words that change what a script does when they are passed on to it. */
export function passedEffect(words: readonly Word[]): Effect | undefined {
  const word = words.find(({ text }) => fixes.test(text) || watches.test(text) || text === "--write");
  if (word === undefined) return undefined;
  return { kind: watches.test(word.text) ? "never ends" : "writes", mend: { word, by: "" } };
}

function upToDashes(words: readonly Word[]): readonly Word[] {
  const dashes = words.findIndex(({ text }) => text === "--");
  return dashes === -1 ? words : words.slice(0, dashes);
}
