/** Of a parsed manifest: a table, or an empty one where there is something else. */
export type Table = Readonly<Record<string, unknown>>;

export function tableOf(value: unknown): Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

/** What lies below these keys, as a table. */
export function tableAt(value: unknown, ...keys: string[]): Table {
  return tableOf(keys.reduce<unknown>((at, key) => (has(at, key) ? tableOf(at)[key] : undefined), value));
}

export function has(table: unknown, key: string): boolean {
  return Object.hasOwn(tableOf(table), key);
}

export function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

/** Whether it can stand in a command as it is. */
export function isPlain(word: string): boolean {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word);
}

/** As one word of a shell. */
export function quoted(word: string): string {
  if (isPlain(word)) return word;
  if (word.includes("'") && !/[$`"\\!]/.test(word)) return `"${word}"`;
  return quotedText(word);
}

/** The same, whatever is in it. */
export function quotedText(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** "a", "a and b", "a, b and c"; of many the first. */
export function listed(words: readonly string[]): string {
  const unique = [...new Set(words)];
  if (unique.length > 6) return `${unique.slice(0, 5).join(", ")} and ${unique.length - 5} more`;
  const [last = "", ...before] = unique.reverse();
  return before.length === 0 ? last : `${before.reverse().join(", ")} and ${last}`;
}

/** Sections of an INI file as Python writes them: values go on in the indented lines below. */
export function parseIni(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let key: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const bare = line.trim();
    if (bare === "" || /^[#;]/.test(bare)) continue;
    const header = /^\[([^\]]+)\]/.exec(line)?.[1];
    const pair = /^([^\s=:][^=:]*)[=:](.*)$/.exec(line);
    if (header !== undefined) {
      section = sections.get(header) ?? new Map<string, string>();
      sections.set(header, section);
      key = undefined;
    } else if (/^\s/.test(line)) {
      if (key !== undefined) section?.set(key, `${section.get(key)}\n${bare}`.trim());
    } else if (pair !== null) {
      key = (pair[1] ?? "").trim().toLowerCase();
      section?.set(key, (pair[2] ?? "").trim());
    }
  }
  return sections;
}
