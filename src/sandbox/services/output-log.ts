import type { OutputChunk } from "../../service.js";

/** What a chunk costs at least: a program can print single characters. */
const LEAST = 256;
/** Chunks that nobody has read grow to this. */
const LARGE = 16 * 1024;

/**
 * Output as it came, for any number of readers, each from the beginning. Past `limit` bytes the middle is dropped:
 * half of them is for the beginning, half for the end.
 */
export class OutputLog {
  readonly #half: number;
  readonly #head: OutputChunk[] = [];
  #headCost = 0;
  /** The latest; from `#gone` on, as it is cut from time to time only. */
  #tail: OutputChunk[] = [];
  #tailCost = 0;
  #gone = 0;
  #droppedChunks = 0;
  #droppedBytes = 0;
  /** How many chunks somebody has read. */
  #read = 0;
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(limit: number) {
    this.#half = Math.ceil(limit / 2);
  }

  push(chunk: OutputChunk): void {
    const inTail = this.#tail.length > this.#gone;
    const list = inTail ? this.#tail : this.#head;
    const last = list.at(-1);
    if (last && this.#read < this.#count && last.stream === chunk.stream && last.text.length < LARGE) {
      const before = cost(last);
      last.text += chunk.text;
      if (inTail) this.#tailCost += cost(last) - before;
      else this.#headCost += cost(last) - before;
    } else if (!inTail && this.#headCost < this.#half && this.#droppedChunks === 0) {
      this.#head.push({ ...chunk });
      this.#headCost += cost(chunk);
    } else {
      this.#tail.push({ ...chunk });
      this.#tailCost += cost(chunk);
    }
    this.#drop();
    this.#tell();
  }

  end(): void {
    this.#ended = true;
    this.#tell();
  }

  /** From the beginning to the end. */
  async *read(): AsyncGenerator<OutputChunk, void, undefined> {
    for (let next = 0; ; next++) {
      while (next >= this.#count) {
        if (this.#ended) return;
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
      const kept = next - this.#head.length - this.#droppedChunks;
      if (next >= this.#head.length && kept < 0) {
        next = this.#head.length + this.#droppedChunks - 1;
        yield { stream: "stdout", text: `\n... ${this.#droppedBytes} bytes dropped ...\n` };
        continue;
      }
      const chunk = next < this.#head.length ? this.#head[next] : this.#tail[this.#gone + kept];
      this.#read = Math.max(this.#read, next + 1);
      if (chunk) yield { ...chunk };
    }
  }

  get #count(): number {
    return this.#head.length + this.#droppedChunks + this.#tail.length - this.#gone;
  }

  #drop(): void {
    while (this.#tailCost > this.#half && this.#tail.length - this.#gone > 1) {
      const chunk = this.#tail[this.#gone++] as OutputChunk;
      this.#tailCost -= cost(chunk);
      this.#droppedBytes += Buffer.byteLength(chunk.text);
      this.#droppedChunks++;
    }
    if (this.#gone < 1024 || this.#gone < this.#tail.length / 2) return;
    this.#tail = this.#tail.slice(this.#gone);
    this.#gone = 0;
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

function cost({ text }: OutputChunk): number {
  return Math.max(LEAST, text.length);
}
