import { isLongEnough } from "../../redaction/forms.js";

/** What one kind of registry settings comes to in a sandbox. */
export interface Grant {
  /** Whole values, for variables. */
  variables: Readonly<Record<string, string>>;
  /** Texts for files that are there while a command runs, under the variable that tells tools where. */
  files: Readonly<Record<string, string>>;
  /** Every token and password in them, in each form that they are written in there. */
  secrets: readonly string[];
}

/** The password in a URL, as it stands there and as its owner knows it. The user too where that is all there is: a token. */
export function urlSecrets(value: string): string[] {
  const [, user = "", password = ""] =
    /^[a-z][a-z0-9+.-]*:\/\/([^:@/?#]*)(?::([^/?#]*))?@/i.exec(value) ?? [];
  // A name for everybody, as in git@, is no token.
  return spellings(password === "" && isLongEnough(user) ? user : password);
}

function spellings(text: string): string[] {
  if (text === "") return [];
  try {
    return [...new Set([text, decodeURIComponent(text)])];
  } catch {
    return [text];
  }
}
