import { existsSync, lstatSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { SandboxError } from "../../errors.js";
import type { Bind } from "./base.js";
import { CERTIFICATE_VARIABLES, MERGED } from "./base-host-skeleton.js";
import type { Stage } from "./stage.js";

const TOOLCHAIN = ["/usr", "/opt"];

/** What of the host is shown, read-only: the toolchain, the running Node, and what the operator named. */
export async function hostBinds(paths: readonly string[], stage: Stage): Promise<Bind[]> {
  const wanted = [...TOOLCHAIN, ...MERGED].filter(
    (path) => existsSync(path) && !lstatSync(path).isSymbolicLink(),
  );
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  for (const path of [prefix, ...paths.map((path) => operatorPath(path))]) {
    if (path !== "/" && !wanted.some((known) => path === known || path.startsWith(`${known}/`)))
      wanted.push(path);
  }
  const binds: Bind[] = [];
  for (const path of wanted) binds.push({ at: path, from: path, source: await stage.show(path) });
  return binds;
}

/** The environment of a command on the host base: the caller's PATH as far as it is shown, and its certificates. */
export function hostEnvironment(binds: readonly Bind[]): Record<string, string> {
  const shown = (path: string) =>
    [...binds.map(({ at }) => at), ...MERGED].some((at) => path === at || path.startsWith(`${at}/`));
  const own = (process.env.PATH ?? "").split(":").filter((path) => path.startsWith("/") && shown(path));
  const path = new Set(
    [...own, dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].filter(
      shown,
    ),
  );
  const environment: Record<string, string> = { PATH: [...path].join(":"), LANG: "C.UTF-8" };
  for (const name of CERTIFICATE_VARIABLES) {
    const value = process.env[name];
    if (value && existsSync(value)) environment[name] = value;
  }
  return environment;
}

function operatorPath(path: string): string {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    throw new SandboxError(
      "NOT_FOUND",
      `The host path ${absolute}, which the base is to show, does not exist.`,
      {
        operation: "create",
        path: absolute,
      },
    );
  }
  if (absolute === "/" || absolute === "/proc" || absolute === "/dev" || absolute === "/etc") {
    throw new SandboxError(
      "INVALID_ARGUMENT",
      `The host path ${absolute} can't be shown whole: name what is needed below it.`,
      {
        operation: "create",
        path: absolute,
      },
    );
  }
  return absolute;
}
