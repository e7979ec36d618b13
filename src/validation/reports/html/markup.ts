import { plain } from "../plain.js";

/** Markup that is safe as it is: made by {@link html} only, so everything in it was escaped or is the page's own. */
export class Markup {
  constructor(readonly text: string) {}
}

type Part = string | number | false | undefined | Markup | readonly Part[];

/** A template of markup. Every value is escaped, in text as in quoted attributes, unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Markup {
  return new Markup(strings.reduce((text, string, i) => text + part(values[i - 1]) + string));
}

function part(value: Part): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(part).join("");
  if (value === undefined || value === false) return "";
  return plain(String(value)).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A value for a script to read. No browser takes any of it for an end of the element, or for a comment's start. */
export function jsonScript(id: string, value: unknown): Markup {
  const json = JSON.stringify(value).replace(
    /[<>&\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return html`<script type="application/json" id="${id}">${new Markup(json)}</script>\n`;
}
