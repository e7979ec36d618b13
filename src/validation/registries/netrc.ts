import { join } from "node:path";
import { invalid } from "../config/invalid.js";
import type { Grant } from "./grant.js";
import { type Caller, readOperatorFile } from "./operator-file.js";

/** The caller's own `.netrc`, as pip, uv, Go, git and curl find it. */
export async function netrcGrant({ env, home }: Caller): Promise<Grant> {
  const path = env.NETRC || join(home, ".netrc");
  const text = await readOperatorFile(path);
  if (text === undefined)
    throw invalid(
      `validate: the registry "netrc" asks for your .netrc, and there is no ${path}. Write one, name it in NETRC, or leave it out.`,
      { path },
    );
  // A macro ends with an empty line; its words are no credentials.
  const plain = `${text}\n`.replace(/^[ \t]*macdef\b[\s\S]*?\n[ \t]*\n/gm, "");
  const words = plain.match(/"(?:\\[\s\S]|[^"\\])*"|\S+/g) ?? [];
  const secrets = words.flatMap((word, at) => {
    if (!["password", "account"].includes(words[at - 1] ?? "")) return [];
    return [word, word.replace(/^"(.*)"$/s, "$1").replace(/\\(.)/gs, "$1")];
  });
  return { variables: {}, files: { NETRC: plain }, secrets: [...new Set(secrets)] };
}
