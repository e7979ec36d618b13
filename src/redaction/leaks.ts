import { bareValue, isLongEnough } from "./forms.js";

/** Looks for the raw bytes of secrets in one file that is about to leave the sandbox. */
export interface LeakScan {
  /** Takes the file's chunks in order; true when a secret ends in this one. */
  push(chunk: Uint8Array): boolean;
}

/** Makes scans, one a file; `found` gets each value that is seen. None when there is nothing to look for. */
export function leakScanner(
  values: Iterable<string>,
  found: (value: string) => void = () => undefined,
): (() => LeakScan) | undefined {
  const needles = [...values]
    .filter(isLongEnough)
    .map((value) => ({ value, bytes: Buffer.from(bareValue(value)) }));
  if (needles.length === 0) return undefined;
  const overlap = Math.max(...needles.map(({ bytes }) => bytes.length - 1));
  return () => {
    let before: Uint8Array = Buffer.alloc(0);
    return {
      push(chunk) {
        const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        // A secret split over chunks lies within `overlap` bytes on each side of where they meet.
        const seam = Buffer.concat([before, bytes.subarray(0, overlap)]);
        before = bytes.length >= overlap ? Buffer.from(lastOf(bytes, overlap)) : lastOf(seam, overlap);
        const seen = needles.filter((needle) => seam.includes(needle.bytes) || bytes.includes(needle.bytes));
        for (const { value } of seen) found(value);
        return seen.length > 0;
      },
    };
  };
}

function lastOf(bytes: Buffer, count: number): Buffer {
  return bytes.subarray(Math.max(0, bytes.length - count));
}
