/** What of a repository's config says how its files are to be read. None of it can name a program, a path or a place. */
export interface ConfigFacts {
  objectFormat: "sha1" | "sha256";
  refStorage: "files" | "reftable";
  /** Of `core`, in git's own spelling: how the files lie in the worktree. */
  core: Readonly<Partial<Record<CoreKey, string>>>;
}

type CoreKey = "filemode" | "symlinks" | "autocrlf" | "eol";

/** A line that says one of them is short, and matching is not linear: what it reads is hostile. */
const LONGEST_ENTRY = 200;

const BOOLEAN = ["true", "false"];
const CORE: Readonly<Record<CoreKey, readonly string[]>> = {
  filemode: BOOLEAN,
  symlinks: BOOLEAN,
  autocrlf: [...BOOLEAN, "input"],
  eol: ["lf", "crlf", "native"],
};

/**
 * Reads them from a config that nobody has reviewed. Everything else in it, includes too, is as if it weren't there:
 * a config is code (core.fsmonitor, filters, hooks), and it may hold credentials.
 */
export function readConfigFacts(config: string): ConfigFacts {
  const values = valuesOf(config);
  const core: Partial<Record<CoreKey, string>> = {};
  for (const key of Object.keys(CORE) as CoreKey[]) {
    const value = values.get(`core.${key}`);
    if (value !== undefined && CORE[key].includes(value)) core[key] = value;
  }
  return {
    objectFormat: values.get("extensions.objectformat") === "sha256" ? "sha256" : "sha1",
    refStorage: values.get("extensions.refstorage") === "reftable" ? "reftable" : "files",
    core,
  };
}

/**
 * A config for the same repository that says nothing else. Change times are not what git wrote down: copying a file
 * changes them, and so may an engine.
 */
export function freshConfig({ objectFormat, refStorage, core }: ConfigFacts): string {
  const extensions = [
    ...(objectFormat === "sha1" ? [] : [`objectformat = ${objectFormat}`]),
    ...(refStorage === "files" ? [] : [`refstorage = ${refStorage}`]),
  ];
  const lines = {
    repositoryformatversion: extensions.length === 0 ? "0" : "1",
    ...{ filemode: "true", ...core, bare: "false", logallrefupdates: "true", trustctime: "false" },
  };
  return [
    "[core]",
    ...Object.entries(lines).map(([key, value]) => `\t${key} = ${value}`),
    ...(extensions.length === 0 ? [] : ["[extensions]", ...extensions.map((line) => `\t${line}`)]),
    "",
  ].join("\n");
}

/** The last value of each `section.key`, in lower case. Subsections and values that go on in the next line are left out. */
function valuesOf(config: string): Map<string, string> {
  const values = new Map<string, string>();
  let section = "";
  for (const line of config.split("\n")) {
    const header = /^\s*\[([^\]]*)\]/.exec(line);
    if (header !== null) section = (header[1] ?? "").trim().toLowerCase();
    const rest = header === null ? line : line.slice(header[0].length);
    if (rest.length > LONGEST_ENTRY) continue;
    const entry = /^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*"?([A-Za-z0-9]*)"?\s*(?:[#;].*)?)?$/.exec(rest);
    if (entry !== null)
      values.set(`${section}.${entry[1]?.toLowerCase()}`, (entry[2] ?? "true").toLowerCase());
  }
  return values;
}
