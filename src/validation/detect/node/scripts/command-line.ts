/** Of a package.json, by name. */
export type Scripts = Readonly<Record<string, string>>;

/** A word of a command line without its quotes, and where it stands. */
export interface Word {
  text: string;
  start: number;
  end: number;
}

/** A command of a script, up to the next operator. */
export interface Command {
  words: readonly Word[];
  /** What follows it: "&&", "|", or "" at the end. */
  operator: string;
}

const OPERATOR = /^(&&|\|\||\||&|;|\n|\(|\))/;
/** A longer script is more of a program than can be read, and nobody may decide how long reading takes. */
const LONGEST = 2000;

/** The commands of a script of package.json, or undefined where it is more of a program than can be read. */
export function commandsOf(script: string): Command[] | undefined {
  if (script.length > LONGEST || /`|\$\(|<<|\b(if|for|while|case)\s/.test(script)) return undefined;
  const commands: Command[] = [];
  let words: Word[] = [];
  for (let at = 0; at < script.length; ) {
    const rest = script.slice(at);
    const [operator] = OPERATOR.exec(rest) ?? [];
    const [blank] = /^[ \t\r]+/.exec(rest) ?? [];
    if (operator !== undefined) {
      if (words.length > 0 || operator === "(") commands.push({ words, operator });
      words = [];
      at += operator.length;
    } else if (blank !== undefined) {
      at += blank.length;
    } else {
      const word = wordAt(script, at);
      if (word === undefined) return undefined;
      words.push(word);
      at = word.end;
    }
  }
  if (words.length > 0) commands.push({ words, operator: "" });
  return commands.filter((command) => command.words.length > 0);
}

function wordAt(script: string, start: number): Word | undefined {
  let text = "";
  let at = start;
  while (at < script.length) {
    // "2>&1" is a redirection.
    const [plain] = /^(>&|&>|[^\s"'\\&|;()])/.exec(script.slice(at, at + 2)) ?? [];
    const char = script[at];
    if (plain !== undefined) {
      text += plain;
      at += plain.length;
    } else if (char === "\\") {
      text += script[at + 1] ?? "";
      at += 2;
    } else if (char === '"' || char === "'") {
      const end = closing(script, at);
      if (end === undefined) return undefined;
      const inner = script.slice(at + 1, end);
      text += char === '"' ? inner.replaceAll(/\\(["\\$])/g, "$1") : inner;
      at = end + 1;
    } else break;
  }
  return { text, start, end: at };
}

function closing(script: string, open: number): number | undefined {
  const quote = script[open];
  for (let at = open + 1; at < script.length; at++) {
    if (script[at] === "\\" && quote === '"') at++;
    else if (script[at] === quote) return at;
  }
  return undefined;
}

const wrappers = [
  // What stands before the program that is meant.
  /^((cross-env(-shell)?|npx|bunx|time|exec|dotenv|env)\s)/,
  /^((npm|pnpm|yarn|bun) (exec|x|dlx)\s)/,
  /^(pnpm -c exec\s)/,
];

/** Its words from the program on that it runs in the end: without variables, `npx`, `cross-env` and the like. */
export function programOf({ words }: Command): readonly Word[] {
  let rest = words;
  for (let before = -1; before !== rest.length; ) {
    before = rest.length;
    const line = `${rest.map(({ text }) => text).join(" ")} `;
    const wrapper = wrappers.map((pattern) => pattern.exec(line)?.[1]).find((found) => found !== undefined);
    if (wrapper !== undefined) rest = withoutOptions(rest.slice(wrapper.trim().split(" ").length));
    while (rest[0] !== undefined && /^[A-Za-z_][A-Za-z0-9_]*=/.test(rest[0].text)) rest = rest.slice(1);
  }
  return rest;
}

function withoutOptions(words: readonly Word[]): readonly Word[] {
  const takesValue = /^(-e|-f|-p|--package|--file)$/;
  let rest = words;
  while (rest[0]?.text.startsWith("-")) rest = rest.slice(takesValue.test(rest[0].text) ? 2 : 1);
  return rest;
}
