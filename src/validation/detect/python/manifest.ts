import type { Project } from "../project.js";
import { parseIni, type Table, tableAt } from "../text.js";
import { parseToml } from "../toml.js";
import { normalized } from "./requirement.js";

type Ini = Map<string, Map<string, string>>;

/** The files in which a Python project says what it is. Absent ones are empty. */
export interface Manifest {
  project: Project;
  /** pyproject.toml */
  pyproject: Table;
  hasPyproject: boolean;
  setupCfg: Ini;
  setupPy: string | undefined;
  toxIni: Ini;
  noxfile: string;
  /** Of hatch.toml, or what pyproject.toml has for it. */
  hatch: Table;
  /** Its own name as an index compares it. */
  name: string | undefined;
}

/** Undefined where no file says that this is a Python project. */
export async function readManifest(project: Project): Promise<Manifest | undefined> {
  const pyprojectText = project.read("pyproject.toml");
  const setupPy = project.read("setup.py");
  const setupCfg = parseIni(project.read("setup.cfg") ?? "");
  const hasRequirements = project.files.some((file) =>
    /^([\w.-]*requirements[\w.-]*\.txt|requirements\/[\w.-]+\.txt)$/.test(file),
  );
  if (pyprojectText === undefined && setupPy === undefined && !setupCfg.has("metadata") && !hasRequirements) {
    return undefined;
  }
  const pyproject = await parseToml(pyprojectText ?? "", `${project.directory}/pyproject.toml`);
  const hatchToml = project.read("hatch.toml");
  const name =
    tableAt(pyproject, "project").name ??
    tableAt(pyproject, "tool", "poetry").name ??
    setupCfg.get("metadata")?.get("name") ??
    /\bname\s*=\s*["']([\w.-]+)["']/.exec(setupPy ?? "")?.[1];
  return {
    project,
    pyproject,
    hasPyproject: pyprojectText !== undefined,
    setupCfg,
    setupPy,
    toxIni: parseIni(project.read("tox.ini") ?? tableAtText(pyproject)),
    noxfile: project.read("noxfile.py") ?? "",
    hatch:
      hatchToml === undefined
        ? tableAt(pyproject, "tool", "hatch")
        : await parseToml(hatchToml, `${project.directory}/hatch.toml`),
    name: typeof name === "string" ? normalized(name) : undefined,
  };
}

/** tox reads an INI file that stands in pyproject.toml, too. */
function tableAtText(pyproject: Table): string {
  const text = tableAt(pyproject, "tool", "tox").legacy_tox_ini;
  return typeof text === "string" ? text : "";
}
