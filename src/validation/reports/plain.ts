// Marks of direction make a line read as something that it is not.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text whose reader sees everything that is in it: what has no look of its own is a replacement character. */
export function plain(text: string): string {
  return text
    .replace(/\r\n/g, "\n")
    .replace(HIDDEN, "\ufffd")
    .replace(/\p{Surrogate}/gu, "\ufffd");
}
