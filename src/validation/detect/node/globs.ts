import { MatchWork } from "../../../host/selection/match-work.js";
import { matchesPath, parseParts } from "../../../host/selection/wildcards.js";

/** Of a manifest with more or longer ones, these count: whoever wrote it decides how long matching takes. */
const MOST_GLOBS = 100;
const LONGEST_GLOB = 200;

/** Whether a path below the project is one that any of the globs means. */
export function matcher(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs
    .filter((glob) => glob.length <= LONGEST_GLOB)
    .slice(0, MOST_GLOBS)
    .flatMap(withoutBraces)
    .flatMap((glob) => {
      const parts = parseParts(Buffer.from(glob.replace(/^\.\//, "").replace(/\/$/, "")).toString("latin1"));
      return parts === undefined ? [] : [parts];
    });
  const work = new MatchWork("validate", "globs of workspaces and tsconfig.json");
  return (path) => {
    work.next();
    const names = path.split("/").map((name) => Buffer.from(name).toString("latin1"));
    return patterns.some((parts) => matchesPath(parts, names, work));
  };
}

/** "{a,b}/*" is "a/*" and "b/*"; one pair of braces is all that people write. */
function withoutBraces(glob: string): string[] {
  const [, before = "", inner = "", after = ""] = /^([^{]*)\{([^{}]*)\}([^{}]*)$/.exec(glob) ?? [];
  return inner === "" ? [glob] : inner.split(",").map((each) => `${before}${each}${after}`);
}
