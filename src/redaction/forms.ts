/** Shorter values are not redacted: they would match by chance. */
export const SHORTEST_SECRET_BYTES = 6;

/** One way a secret's value can look in output. */
export interface Form {
  /** Without line breaks: those are skipped while matching. */
  bytes: Buffer;
  /** Whether line breaks may stand anywhere inside it, as in base64 wrapped at 76 columns. */
  wraps: boolean;
}

/** The value as it is looked for: a line break at its end is no part of what leaks. */
export function bareValue(value: string): string {
  return value.replace(/^[\r\n]+|[\r\n]+$/g, "");
}

export function isLongEnough(value: string): boolean {
  return Buffer.byteLength(bareValue(value)) >= SHORTEST_SECRET_BYTES;
}

/** Every form a value is redacted in. None for a value that is too short. */
export function formsOf(value: string): Form[] {
  const bare = bareValue(value);
  if (!isLongEnough(bare)) return [];
  const lines = bare.split(/[\r\n]+/).filter(isLongEnough);
  const plain = [...lines, ...jsonForms(bare), ...percentForms(bare)];
  const wrapping = [...hexForms(bare), ...base64Forms(bare)];
  if (/[\r\n]/.test(bare)) wrapping.push(bare);
  return [...toForms(plain, false), ...toForms(wrapping, true)];
}

function toForms(texts: readonly string[], wraps: boolean): Form[] {
  const distinct = new Set(texts.map((text) => text.replace(/[\r\n]/g, "")));
  return [...distinct].map((text) => ({ bytes: Buffer.from(text), wraps }));
}

function jsonForms(value: string): string[] {
  const escaped = JSON.stringify(value).slice(1, -1);
  // What Python's and PHP's encoders do beyond the standard: only ASCII, and escaped slashes.
  const ascii = escaped.replace(/[\u007f-\uffff]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`);
  return [escaped, ascii, ascii.replaceAll("/", "\\/")];
}

function percentForms(value: string): string[] {
  // A lone surrogate, which encodeURIComponent throws on, reaches a command as U+FFFD.
  const wellFormed = Buffer.from(value).toString();
  const component = encodeURIComponent(wellFormed);
  const strict = component.replace(/[!'()*]/g, (char) => `%${hex(char.charCodeAt(0), 2).toUpperCase()}`);
  const everyByte = [...Buffer.from(value)].map((byte) => `%${hex(byte, 2).toUpperCase()}`).join("");
  const upper = [
    component,
    strict,
    strict.replaceAll("%2F", "/"),
    strict.replaceAll("%20", "+"),
    new URLSearchParams({ "": value }).toString().slice("=".length),
    encodeURI(wellFormed),
    everyByte,
  ];
  const lower = upper.map((text) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
  return [...upper, ...lower];
}

function hexForms(value: string): string[] {
  const digits = Buffer.from(value).toString("hex");
  return [digits, digits.toUpperCase()];
}

/** The characters that the value alone decides, for each place it can have in a group of three bytes. */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value);
  const standard = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const decidedFrom = [0, 2, 3][before];
    const decidedTo = (before + bytes.length) % 3 === 0 ? encoded.length : encoded.length - 1;
    return encoded.slice(decidedFrom, decidedTo);
  });
  // Encoded on its own, the last character is the value's too.
  standard.push(bytes.toString("base64").replace(/=+$/, ""));
  const urlSafe = standard.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  return [...standard, ...urlSafe];
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
