import { QueryFailure } from "./errors.js";

/** A word of the schema, as an argument. */
export class Word {
  constructor(readonly text: string) {}
}

/** An argument of a field: what JSON can hold, with object keys bare. */
export type Value = Word | string | number | boolean | readonly Value[] | { readonly [key: string]: Value };

/** A field with its arguments, to select further fields in. */
export interface Step {
  readonly name: string;
  readonly text: string;
  /** The type that an interface's fields are selected of. */
  readonly on?: string;
}

export function call(name: string, args: Readonly<Record<string, Value>> = {}): Step {
  const list = Object.entries(args).map(([key, value]) => `${key}:${literal(value)}`);
  return { name, text: list.length === 0 ? name : `${name}(${list.join(",")})` };
}

/** A field under a name of its own, so that one query can ask for it many times. */
export function as(alias: string, step: Step, fields = ""): string {
  return `${alias}:${step.text}${fields}`;
}

/** Selects `fields` at the end of a chain of steps. */
export function chain(steps: readonly Step[], fields: string): string {
  return steps.reduceRight(
    (inner, { text, on }) => (on === undefined ? `${text}{${inner}}` : `${text}{...on ${on}{${inner}}}`),
    fields,
  );
}

/** What a chain's end gave. Throws QueryFailure when the answer has another form. */
export function follow<T>(data: unknown, steps: readonly Step[]): T {
  let at = data;
  for (const { name } of steps) {
    at = (at as Record<string, unknown>)[name];
    if (typeof at !== "object" || at === null) throw new QueryFailure(`nothing at ${name} in its answer`);
  }
  return at as T;
}

function literal(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Word) return value.text;
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(",")}]`;
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}:${literal(inner)}`)
    .join(",")}}`;
}
