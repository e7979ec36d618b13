import type { Config } from "./config.js";
import { invalid } from "./invalid.js";
import { nearest } from "./nearest.js";

/** The config with these checks and those that they wait for; in full where none is named. */
export function onlyChecks(config: Config, wanted: readonly string[] | undefined): Config {
  if (wanted === undefined) return config;
  const byName = new Map(config.checks.map((check) => [check.name, check]));
  const kept = new Set<string>();
  const keep = (name: string) => {
    if (kept.has(name)) return;
    kept.add(name);
    for (const need of byName.get(name)?.needs ?? []) keep(need);
  };
  for (const name of wanted) {
    if (!byName.has(name)) throw unknownCheck(name, config.from, [...byName.keys()]);
    keep(name);
  }
  return { ...config, checks: config.checks.filter(({ name }) => kept.has(name)) };
}

function unknownCheck(name: string, from: string, known: readonly string[]) {
  const near = nearest(name, known);
  const advice = near === undefined ? `There are: ${known.join(", ") || "none"}.` : `Is it ${near}?`;
  return invalid(`can't run only the check ${JSON.stringify(name)}: ${from} has no such check. ${advice}`);
}
