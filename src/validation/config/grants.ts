import { invalid } from "./invalid.js";
import type { ConfigPath, ConfigSource } from "./source.js";

/** What only an operator may say, with the flag that says it. */
const topGrants: Readonly<Record<string, { what: string; flag: string }>> = {
  engine: { what: "which engine runs it", flag: "--engine" },
  base: { what: "what its sandbox starts from and which host paths it sees", flag: "--base" },
  user: { what: "who runs its commands", flag: "--user" },
  env: { what: "host environment variables", flag: "--env" },
  secrets: { what: "the host's secrets", flag: "--secret" },
  registries: { what: "the host's credentials for registries", flag: "--registry" },
  network: { what: "access to the network", flag: "--network" },
  caches: { what: "directories that outlive it", flag: "--cache" },
  sources: { what: "what is imported", flag: "--config" },
  out: { what: "where artifacts land on the host", flag: "--out" },
  reports: { what: "where reports land on the host", flag: "--report" },
};
const stepGrants = ["env", "secrets", "network"];

/** Throws when a candidate's own config grants itself anything: who wrote it is as unreviewed as the code. */
export function refuseGrants(source: ConfigSource): void {
  const config = mapOf(source.value);
  for (const key of Object.keys(topGrants)) if (key in config) throw refusal(source, [key], key);
  const steps = [["setup"], ["build"], ...Object.keys(mapOf(config.checks)).map((name) => ["checks", name])];
  for (const path of steps) {
    const step = mapOf(path.reduce((value: unknown, key) => mapOf(value)[key], config));
    for (const key of stepGrants) if (key in step) throw refusal(source, [...path, key], key);
  }
}

function refusal(source: ConfigSource, path: ConfigPath, key: string) {
  const { what = "", flag = "" } = topGrants[key] ?? {};
  const instead = flag === "--config" ? "" : `give ${flag}, or `;
  return invalid(
    `${source.at(path)}: a project's own config can't grant itself "${path.join(".")}" (${what}). ` +
      `If you want that, ${instead}put it in a config of yours outside the project (--config FILE); ` +
      "or, if you trust this project, --trust-config.",
    { path: source.file },
  );
}

function mapOf(value: unknown): Record<string, unknown> {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : {};
}
