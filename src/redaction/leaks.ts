import { bareValue, isLongEnough } from "./forms.js";

/** Looks for the raw bytes of secrets in one file that is about to leave the sandbox. */
export interface LeakScan {
  /** Takes the file's chunks in order; true when a secret ends in this one. */
  push(chunk: Uint8Array): boolean;
}

/** Makes scans, one a file. None when there is nothing to look for. */
export function leakScanner(values: Iterable<string>): (() => LeakScan) | undefined {
  const needles = [...values].filter(isLongEnough).map((value) => Buffer.from(bareValue(value)));
  if (needles.length === 0) return undefined;
  const overlap = Math.max(...needles.map((needle) => needle.length - 1));
  return () => scanFile(needles, overlap);
}

function scanFile(needles: readonly Buffer[], overlap: number): LeakScan {
  let before: Uint8Array = Buffer.alloc(0);
  return {
    push(chunk: Uint8Array): boolean {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      // A secret split over chunks lies within `overlap` bytes on each side of where they meet.
      const seam = Buffer.concat([before, bytes.subarray(0, overlap)]);
      before = bytes.length >= overlap ? Buffer.from(lastOf(bytes, overlap)) : lastOf(seam, overlap);
      return needles.some((needle) => seam.includes(needle) || bytes.includes(needle));
    },
  };
}

function lastOf(bytes: Buffer, count: number): Buffer {
  return bytes.subarray(Math.max(0, bytes.length - count));
}
