import { untilAborted, type Waiter } from "./until-aborted.js";

interface Question {
  readonly answer: Promise<unknown>;
  readonly stop: AbortController;
  waiting: number;
  answered: boolean;
}

/**
 * Answers to questions that are asked once. All who come at once share a question: one of them giving up does not
 * end it for the others, the last one does. What failed is asked again.
 */
export class Shared {
  readonly #questions = new Map<string, Question>();

  async answer<T>(key: string, waiter: Waiter, ask: (shared: Waiter) => Promise<T>): Promise<T> {
    const question = this.#questions.get(key) ?? this.#ask(key, waiter.operation, ask);
    question.waiting++;
    try {
      return (await untilAborted(question.answer, waiter)) as T;
    } finally {
      question.waiting--;
      if (question.waiting === 0 && !question.answered) {
        this.#drop(key, question);
        question.stop.abort();
      }
    }
  }

  forget(key: string): void {
    this.#questions.delete(key);
  }

  #ask(key: string, operation: string, ask: (shared: Waiter) => Promise<unknown>): Question {
    const stop = new AbortController();
    const answer = ask({ operation, signal: stop.signal });
    const question: Question = { answer, stop, waiting: 0, answered: false };
    this.#questions.set(key, question);
    answer.then(
      () => {
        question.answered = true;
      },
      () => this.#drop(key, question),
    );
    return question;
  }

  #drop(key: string, question: Question): void {
    if (this.#questions.get(key) === question) this.#questions.delete(key);
  }
}
