import stripJsonComments from "strip-json-comments";

/** JSON as tsconfig.json and deno.jsonc are written, with comments and commas at the end; undefined where it is none. */
export function jsonWithComments(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(stripJsonComments(text.replace(/^\uFEFF/, ""), { trailingCommas: true }));
  } catch {
    return undefined;
  }
}
