// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const CSI = /\u001b\[[0-?]*[ -/]*[@-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const OSC = /\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const OTHER_ESCAPE = /\u001b[ -/]*[0-~]/g;
// Tabs and line ends stay. Bidirectional marks go: they make a line read as something that it is not.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * What sandboxed code printed, for a model to read: without colours and other control characters, which cost it
 * tokens, and which its client may pass on to a terminal. Each pattern is matched in linear time.
 */
export function shown(text: string): string {
  return text
    .replace(CSI, "")
    .replace(OSC, "")
    .replace(OTHER_ESCAPE, "")
    .replace(/\r\n?|[\u2028\u2029]/g, "\n")
    .replace(CONTROL, "");
}
