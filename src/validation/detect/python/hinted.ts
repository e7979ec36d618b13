import { stringsOf, tableAt, tableOf } from "../text.js";
import type { Manifest } from "./manifest.js";
import type { Place } from "./place.js";
import { parseRequirements, type Requirement } from "./requirement.js";

/** What tox, nox and hatch install into environments of theirs: used where a tool stands nowhere else. */
export function hintedPlaces(manifest: Manifest): Place[] {
  return [...hatch(manifest), ...tox(manifest), ...nox(manifest)].filter(
    ({ requirements }) => requirements.length > 0,
  );
}

function place(name: string, said: string, requirements: Requirement[]): Place {
  return { kind: "hint", name, said, requirements, optional: true };
}

function hatch({ hatch, name }: Manifest): Place[] {
  return Object.entries(tableAt(hatch, "envs")).map(([env, table]) => {
    const { features, "dependency-groups": groups } = tableOf(table);
    const lists = [tableOf(table).dependencies, tableOf(table)["extra-dependencies"]];
    const own = parseRequirements(lists.flatMap(stringsOf), name);
    // hatch's environment for tests has these without a word.
    const tests =
      env === "hatch-test"
        ? parseRequirements(["pytest", "pytest-mock", "pytest-xdist", "coverage-enable-subprocess"])
        : [];
    const extras: Requirement[] =
      features === undefined ? [] : [{ kind: "self", extras: stringsOf(features) }];
    const grouped = stringsOf(groups).map((group): Requirement => ({ kind: "group", name: group }));
    return place(env, `hatch's environment ${printable(env)}`, [...own, ...tests, ...extras, ...grouped]);
  });
}

function tox({ toxIni, name }: Manifest): Place[] {
  return [...toxIni]
    .filter(([section]) => /^(testenv|env)\b/.test(section))
    .map(([section, keys]) => {
      const text = keys.get("deps") ?? "";
      // "py38: pytest<8" is for one Python only, and which one is here is not known.
      const lines = text
        .split("\n")
        .filter((line) => !/^[\w{},!-]+:\s/.test(line) && !/\{(?!toxinidir)/.test(line));
      const deps = parseRequirements(
        lines.map((line) => line.replaceAll("{toxinidir}/", "").replaceAll("{toxinidir}", ".")),
        name,
      );
      const extras = words(keys.get("extras"));
      const groups = words(keys.get("dependency_groups")).map(
        (group): Requirement => ({ kind: "group", name: group }),
      );
      const own: Requirement[] = extras.length === 0 ? [] : [{ kind: "self", extras }];
      return place(section, `tox's ${printable(section)}`, [...deps, ...own, ...groups]);
    });
}

/** The strings that a session passes to session.install(). */
function nox({ noxfile, name }: Manifest): Place[] {
  const sessions = noxfile.split(/^def /m).slice(1);
  return sessions.map((body) => {
    const session = /^\w+/.exec(body)?.[0] ?? "";
    const calls = [...body.matchAll(/\bsession\.install\(([^)]{0,2000})\)/g)].map(
      ([, inside = ""]) => inside,
    );
    const lines = calls.flatMap((inside) => {
      const strings = [...inside.matchAll(/"([^"\n]*)"|'([^'\n]*)'/g)].map(
        (found) => found[1] ?? found[2] ?? "",
      );
      return strings
        .join("\n")
        .replace(/^(-[rce]|--requirement|--constraint|--editable)\n/gm, "$1 ")
        .split("\n");
    });
    return place(session, `nox's session ${session}`, parseRequirements(lines, name));
  });
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/[\s,]+/).filter((word) => /^[A-Za-z0-9._-]+$/.test(word));
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 60);
}
