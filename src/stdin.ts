import { invalid, shown } from "./arguments.js";
import type { ExecOptions } from "./options.js";

type Stdin = NonNullable<ExecOptions["stdin"]>;

export function checkStdin(stdin: unknown, operation: string): void {
  if (stdin === undefined || typeof stdin === "string" || stdin instanceof Uint8Array) return;
  if (typeof stdin === "object" && stdin !== null && Symbol.asyncIterator in stdin) return;
  throw invalid(operation, `stdin must be a string, bytes or a stream of them, but is ${shown(stdin)}`);
}

/** The bytes of a command's stdin. `failed` gets what reading the caller's stream threw; then it ends. */
export async function* stdinBytes(
  stdin: Stdin,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  if (typeof stdin === "string" || stdin instanceof Uint8Array) {
    yield toBytes(stdin);
    return;
  }
  try {
    for await (const chunk of stdin as AsyncIterable<unknown>) yield toBytes(chunk);
  } catch (error) {
    failed(error);
  }
}

function toBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === "string") return Buffer.from(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  throw invalid("exec", `stdin must give strings or bytes, but gave ${shown(chunk)}`);
}
