import type { Form } from "./forms.js";
import { Skip } from "./skip.js";

const NEWLINE = 10;
const RETURN = 13;
/** Line breaks in a row that still count as a wrap: an empty line on a terminal, "\r\n\r\n". */
const LONGEST_BREAK = 4;

/** Where a scan is: carried from chunk to chunk. */
export interface ScanState {
  node: number;
  /** Line breaks since the last other byte. */
  breaks: number;
}

/**
 * Aho and Corasick's automaton over bytes: finds all forms in one pass, in time that does not depend on how
 * many there are or on what the output looks like. Line breaks leave the automaton where it is, so that a
 * wrapped form is found; a match of a form that can't be wrapped is then checked for them.
 *
 * Most nodes have one child, kept as a label and a number; only a node with more gets a table of 256.
 */
export class Automaton {
  readonly #forms: readonly Form[];
  readonly #skip: Skip;
  readonly #label: number[] = [0];
  readonly #child: number[] = [0];
  readonly #row: number[] = [0];
  readonly #rows: Int32Array[] = [new Int32Array(256)];
  readonly #depth: number[] = [0];
  readonly #form: number[] = [-1];
  /** The node of the longest proper suffix that is also the beginning of a form. */
  readonly #fail: Int32Array;
  /** The nearest node, this one or over `fail`, where a form ends; 0 for none. */
  readonly #match: Int32Array;
  /** Where a line break leads: to the longest suffix that a wrapping form begins with. */
  readonly #afterBreak: Int32Array;

  constructor(forms: readonly Form[]) {
    this.#forms = forms;
    this.#skip = new Skip(forms);
    const wrapping = new Set<number>();
    forms.forEach((form, index) => {
      this.#insert(form, index, wrapping);
    });
    this.#fail = new Int32Array(this.#depth.length);
    this.#match = new Int32Array(this.#depth.length);
    this.#afterBreak = new Int32Array(this.#depth.length);
    this.#link(wrapping);
  }

  /** Continues a scan at `from`. `bytes` must hold what `heldBack` gave for the state before. */
  scan(state: ScanState, bytes: Uint8Array, from: number, found: (start: number, end: number) => void): void {
    const root = this.#rows[0] as Int32Array;
    let { node, breaks } = state;
    for (let at = from; at < bytes.length; at++) {
      if (node === 0) at = this.#skip.from(bytes, at);
      const byte = bytes[at] as number;
      if (node === 0) {
        node = root[byte] as number;
        breaks = 0;
      } else if (byte === NEWLINE || byte === RETURN) {
        breaks++;
        node = breaks > LONGEST_BREAK ? 0 : (this.#afterBreak[node] as number);
      } else {
        breaks = 0;
        node = this.#next(node, byte);
        if (this.#match[node] !== 0) this.#report(node, bytes, at + 1, found);
      }
    }
    state.node = node;
    state.breaks = breaks;
  }

  /** How many of the last bytes may be the beginning of a form. */
  heldBack(state: ScanState, bytes: Uint8Array): number {
    return bytes.length - startOf(bytes, bytes.length, this.#depth[state.node] as number);
  }

  #next(from: number, byte: number): number {
    let node = from;
    for (;;) {
      const next = this.#goto(node, byte);
      if (next !== 0 || node === 0) return next;
      node = this.#fail[node] as number;
    }
  }

  #goto(node: number, byte: number): number {
    const row = this.#row[node] as number;
    if (row >= 0) return (this.#rows[row] as Int32Array)[byte] as number;
    return this.#label[node] === byte ? (this.#child[node] as number) : 0;
  }

  #report(node: number, bytes: Uint8Array, end: number, found: (start: number, end: number) => void): void {
    let at = this.#match[node] as number;
    while (at !== 0) {
      const form = this.#forms[this.#form[at] as number] as Form;
      const start = startOf(bytes, end, form.bytes.length);
      if (form.wraps || end - start === form.bytes.length) found(start, end);
      at = this.#match[this.#fail[at] as number] as number;
    }
  }

  #insert(form: Form, index: number, wrapping: Set<number>): void {
    let node = 0;
    for (const byte of form.bytes) {
      node = this.#goto(node, byte) || this.#addChild(node, byte);
      if (form.wraps) wrapping.add(node);
    }
    // Of two equal forms the wrapping one matches more.
    if (form.wraps || this.#form[node] === -1) this.#form[node] = index;
  }

  #addChild(parent: number, byte: number): number {
    const node = this.#depth.length;
    this.#depth.push((this.#depth[parent] as number) + 1);
    this.#form.push(-1);
    this.#label.push(0);
    this.#child.push(0);
    this.#row.push(-1);
    if (this.#row[parent] === -1 && this.#child[parent] !== 0) {
      const table = new Int32Array(256);
      table[this.#label[parent] as number] = this.#child[parent] as number;
      this.#row[parent] = this.#rows.push(table) - 1;
    }
    const row = this.#row[parent] as number;
    if (row >= 0) {
      (this.#rows[row] as Int32Array)[byte] = node;
    } else {
      this.#label[parent] = byte;
      this.#child[parent] = node;
    }
    return node;
  }

  /** Breadth first, so that the links of all shorter nodes are there when a node's are made. */
  #link(wrapping: ReadonlySet<number>): void {
    const queue = this.#childrenOf(0);
    for (const { node } of queue) {
      const fail = this.#fail[node] as number;
      this.#match[node] = this.#form[node] === -1 ? (this.#match[fail] as number) : node;
      this.#afterBreak[node] = wrapping.has(node) ? node : (this.#afterBreak[fail] as number);
      for (const next of this.#childrenOf(node)) {
        this.#fail[next.node] = this.#next(fail, next.byte);
        queue.push(next);
      }
    }
  }

  #childrenOf(node: number): { byte: number; node: number }[] {
    const row = this.#row[node] as number;
    if (row === -1) {
      const child = this.#child[node] as number;
      return child === 0 ? [] : [{ byte: this.#label[node] as number, node: child }];
    }
    return [...(this.#rows[row] as Int32Array).entries()]
      .filter(([, child]) => child !== 0)
      .map(([byte, child]) => ({ byte, node: child }));
  }
}

/** Where the last `length` bytes before `end` begin, line breaks not counted. */
function startOf(bytes: Uint8Array, end: number, length: number): number {
  let start = end;
  for (let left = length; left > 0; ) {
    start--;
    if (bytes[start] !== NEWLINE && bytes[start] !== RETURN) left--;
  }
  return start;
}
