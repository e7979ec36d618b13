import type { Redactor } from "../redaction/redactor.js";
import type { ValidationEvent } from "./types.js";

/** Words of forkbox's own, which stay readable even where a secret is spelled like one. */
const ownWords = new Set(["type", "kind", "verdict", "stream", "code", "network", "startedAt"]);

/** Hands events on, redacted. A listener that throws ends the validation. */
export class Emitter {
  readonly #listener: ((event: ValidationEvent) => void) | undefined;
  readonly #redactor: Redactor;
  readonly #onThrow: () => void;
  #thrown: { error: unknown } | undefined;

  constructor(
    listener: ((event: ValidationEvent) => void) | undefined,
    redactor: Redactor,
    onThrow: () => void,
  ) {
    this.#listener = listener;
    this.#redactor = redactor;
    this.#onThrow = onThrow;
  }

  emit(event: ValidationEvent): void {
    if (this.#thrown !== undefined || this.#listener === undefined) return;
    try {
      this.#listener(this.redacted(event));
    } catch (error) {
      this.#thrown = { error };
      this.#onThrow();
    }
  }

  redacted<T>(value: T): T {
    return this.#redactor.values.size === 0 ? value : (this.#walk(value) as T);
  }

  throwIfListenerThrew(): void {
    if (this.#thrown !== undefined) throw this.#thrown.error;
  }

  #walk(value: unknown): unknown {
    if (typeof value === "string") return this.#redactor.redactText(value);
    if (Array.isArray(value)) return value.map((item) => this.#walk(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, ownWords.has(key) ? item : this.#walk(item)]),
    );
  }
}
