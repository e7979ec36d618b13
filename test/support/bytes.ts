import { createHash, randomBytes } from "node:crypto";

/** Every byte there is, zero first. */
export const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);

export const randomData = (size: number): Uint8Array => new Uint8Array(randomBytes(size));

export const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** An octal printf that writes these bytes, whatever the shell. */
export const printfBytes = (bytes: Uint8Array): string =>
  `printf '${[...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")}'`;
