/** A word for a shell: as it is where it means itself. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9._:/@%+=,-]+$/.test(word) ? word : quotedText(word);
}

export function quotedText(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
