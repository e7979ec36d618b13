import { Transform, type TransformCallback } from "node:stream";

/** Of one message. Files that are larger come with refresh_from_host. */
const LONGEST_LINE_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

/**
 * Lets lines through that can be a message of the protocol. What is too long or no JSON is answered and left out: the
 * transport would end the connection, or say nothing.
 */
export class MessageLines extends Transform {
  readonly #answer: (error: object) => void;
  #held: Buffer[] = [];
  #bytes = 0;

  constructor(answer: (error: object) => void) {
    super();
    this.#answer = answer;
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    let rest = chunk;
    for (let at = rest.indexOf(NEWLINE); at !== -1; at = rest.indexOf(NEWLINE)) {
      this.#hold(rest.subarray(0, at));
      this.#endLine();
      rest = rest.subarray(at + 1);
    }
    this.#hold(rest);
    done();
  }

  #hold(part: Buffer): void {
    this.#bytes += part.length;
    // Of what is too long only its length is of interest.
    if (this.#bytes > LONGEST_LINE_BYTES) this.#held = [];
    else if (part.length > 0) this.#held.push(part);
  }

  #endLine(): void {
    const bytes = this.#bytes;
    const line = Buffer.concat(this.#held).toString();
    this.#held = [];
    this.#bytes = 0;
    if (bytes > LONGEST_LINE_BYTES) {
      const most = `at most ${LONGEST_LINE_BYTES}`;
      this.#refuse(
        INVALID_REQUEST,
        `The message has ${bytes} bytes, and may have ${most}. Send less at once.`,
      );
      return;
    }
    if (line.trim() === "") return;
    const kind = kindOf(line);
    if (kind === "message") this.push(`${line}\n`);
    else if (kind === "other") this.#refuse(INVALID_REQUEST, "This is no message of JSON-RPC 2.0.");
    else this.#refuse(PARSE_ERROR, "The line is no JSON. Each line has to be a message of its own.");
  }

  #refuse(code: number, message: string): void {
    this.#answer({ jsonrpc: "2.0", id: null, error: { code, message } });
  }
}

function kindOf(line: string): "message" | "other" | "no JSON" {
  try {
    const value: unknown = JSON.parse(line);
    return isMessage(value) ? "message" : "other";
  } catch {
    return "no JSON";
  }
}

function isMessage(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { jsonrpc, method, id } = value as Record<string, unknown>;
  if (jsonrpc !== "2.0") return false;
  const named = id === undefined || typeof id === "string" || Number.isInteger(id);
  return typeof method === "string" ? named : id !== undefined && ("result" in value || "error" in value);
}
