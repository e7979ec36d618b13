import { types } from "node:util";

/**
 * Bytes as callers give them: a string stands for its UTF-8. Of any realm, so no class of ours is asked for.
 * Undefined for what is none.
 */
export function bytesOf(data: unknown): Uint8Array | undefined {
  if (typeof data === "string") return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return viewOf(data.buffer, data.byteOffset, data.byteLength);
  if (types.isAnyArrayBuffer(data)) return viewOf(data, 0, data.byteLength);
  return undefined;
}

/** Throws for a buffer whose memory was given away. Shared memory is copied: another thread may be writing there. */
function viewOf(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array {
  const view = new Uint8Array(buffer, offset, length);
  return types.isSharedArrayBuffer(buffer) ? view.slice() : view;
}

export function isBlob(data: unknown): data is Blob {
  if (typeof data !== "object" || data === null) return false;
  const { arrayBuffer, stream, size } = data as Partial<Blob>;
  return typeof arrayBuffer === "function" && typeof stream === "function" && typeof size === "number";
}
