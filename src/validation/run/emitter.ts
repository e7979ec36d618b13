import type { Redactor } from "../../redaction/redactor.js";
import { callBack } from "../../sandbox/callbacks.js";
import { nextTurn } from "../../timers.js";
import type { ValidationEvent } from "../types.js";

/** Words of forkbox's own, which stay readable even where a secret is spelled like one. */
const ownWords = new Set(["type", "kind", "verdict", "stream", "code", "network", "startedAt"]);

/** Hands events on, redacted. A listener that throws, or whose promise rejects, ends the validation. */
export class Emitter {
  readonly #listener: ((event: ValidationEvent) => unknown) | undefined;
  readonly #redactor: Redactor;
  readonly #onThrow: () => void;
  #thrown: { error: unknown } | undefined;
  #mayReject = false;

  constructor(
    listener: ((event: ValidationEvent) => unknown) | undefined,
    redactor: Redactor,
    onThrow: () => void,
  ) {
    this.#listener = listener;
    this.#redactor = redactor;
    this.#onThrow = onThrow;
  }

  emit(event: ValidationEvent): void {
    if (this.#thrown !== undefined || this.#listener === undefined) return;
    const gavePromise = callBack(this.#listener, this.redacted(event), (error) => {
      this.#thrown ??= { error };
      this.#onThrow();
    });
    this.#mayReject ||= gavePromise;
  }

  redacted<T>(value: T): T {
    return this.#redactor.values.size === 0 ? value : (this.#walk(value) as T);
  }

  /** Its promises are not awaited, but one that has been rejected by now is heard. */
  async throwIfListenerThrew(): Promise<void> {
    if (this.#mayReject) await nextTurn();
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
