const OFFLINE =
  /\b(ENOTFOUND|EAI_AGAIN|ENETUNREACH|Temporary failure in name resolution|Could(?: not|n't) resolve host(?:name)?|Name or service not known|Network is unreachable|UnknownHostException|failed to lookup address|dial tcp: lookup|dns error|ERR_NAME_NOT_RESOLVED|ERR_INTERNET_DISCONNECTED)\b:?\s{0,4}([\w.:-]{0,80})/i;
const REFUSED = /\b(ECONNREFUSED|Connection refused)\b/i;
const LOOPBACK = /\b127\.\d|::1\b|localhost|0\.0\.0\.0/;
const NOT_FOUND =
  /^(?:\S{1,80}: )?(?:(?:line )?\d{1,6}: )?['"‘]?([\w.+-]{1,64})['"’]?: (?:command )?not found$|^(?:\/usr\/bin\/)?env: ['"‘]?([\w.+-]{1,64})['"’]?: No such file|exec: "([\w.+-]{1,64})": executable file not found|^make: ([\w.+-]{1,64}): No such file/;

/** A line without these names no cause; most lines are told by it. */
const MAY_BE = /not found|refused|E[A-Z]{3}|resol|unreachable|unknown|lookup|dns|No such file/i;
const LONGEST = 500;
const MOST_MISSING = 5;

/** What the lines of a step say about why it failed that people can't guess. */
export class Causes {
  /** What a program said that found no network. */
  offline: string | undefined;
  /** Programs that a shell did not find, the last of them last. */
  missing: readonly string[] = [];

  line(whole: string): void {
    const text = whole.slice(0, LONGEST);
    if (!MAY_BE.test(text)) return;
    this.offline ??= OFFLINE.exec(text)?.[1] ?? (LOOPBACK.test(text) ? undefined : REFUSED.exec(text)?.[1]);
    const [, ...names] = NOT_FOUND.exec(text) ?? [];
    const missing = names.find((name) => name !== undefined);
    if (missing !== undefined) this.missing = [...this.missing, missing].slice(-MOST_MISSING);
  }
}
