import { existsSync, lstatSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { SandboxError } from "../../../errors.js";
import { isSame, isWithin, placesOfState, refuseState, statOf, withoutLinks } from "../state/places.js";
import { partsOfNode } from "./host-node.js";
import { CERTIFICATE_VARIABLES, MERGED } from "./host-skeleton.js";
import type { HostView } from "./host-view.js";
import { findToolchains } from "./toolchains/find.js";

const TOOLCHAIN = ["/usr", "/opt"];
/** Where accounts of the system have what is called their home. */
const OF_THE_SYSTEM = /^\/usr(\/local)?(\/(s?bin|lib\w*|libexec|share|games))?$/;

/**
 * Throws NOT_FOUND and INVALID_ARGUMENT for a path of the operator's, and INVALID_ARGUMENT where Node or the toolchain
 * lies in the state directory.
 */
export function hostView(paths: readonly string[], state: string): HostView {
  const places = placesOfState(state);
  const named = paths.map((path) => operatorPath(path, places));
  const toolchain = [...TOOLCHAIN, ...MERGED].filter(
    (path) => existsSync(path) && !lstatSync(path).isSymbolicLink() && !homes().includes(path),
  );
  for (const path of [process.execPath, ...toolchain]) refuseInState(path, places);
  const inside = [...homes().filter((home) => !named.some((at) => isWithin(home, at))), ...places].filter(
    (path) => statOf(path)?.isDirectory() && toolchain.some((at) => isWithin(path, at)),
  );
  const hidden = [...new Set(inside)].filter(
    (path) => !inside.some((at) => at !== path && isWithin(path, at)),
  );
  const isToolchain = (path: string) =>
    toolchain.some((at) => isWithin(path, at)) && !hidden.some((at) => isWithin(path, at));
  const outer = [...toolchain, ...named.filter((path) => !isToolchain(path))];
  const isShown = (path: string) =>
    isToolchain(path) || [...named, ...MERGED].some((at) => isWithin(path, at));
  const tools = findToolchains({
    env: process.env,
    isShown,
    whyNever: (real) => (isHarmless(real, places) ? undefined : "it is or holds a home, or forkbox's state"),
    strangers: process.getuid?.() === 0,
  });
  // Node alone (in ~/.local/bin, say) is without its packages.
  const inTools = (path: string) => tools.shown.some(({ at }) => at !== path && isWithin(path, at));
  const node = partsOfNode((path) => isShown(path) || inTools(path));
  const parts = node.paths.filter((path) => path === process.execPath || isHarmless(path, places));
  const known = new Set(tools.shown.map(({ at }) => at));
  const shown = [...new Set([...outer, ...parts])]
    .filter((at) => !known.has(at))
    .map((at) => ({ at, from: withoutLinks(at) }));
  const toolLinks = tools.links.filter(({ at }) => !node.links.some((link) => link.at === at));
  return {
    shown: [...shown, ...tools.shown].sort((a, b) => (a.at < b.at ? -1 : 1)),
    hidden,
    copies: tools.copies,
    links: [...node.links, ...toolLinks],
    tools,
  };
}

/**
 * The environment of a command on the host base: the caller's PATH as far as it is shown, what the toolchains on it
 * need, and the caller's certificates.
 */
export function hostEnvironment({ shown, tools }: HostView): Record<string, string> {
  const node = dirname(process.execPath);
  const places = [...shown.map(({ at }) => at), ...MERGED, node];
  const isShown = (path: string) => places.some((at) => isWithin(path, at));
  const own = [...tools.path].flatMap(([directory, stands]) => (directory === node ? [node] : stands));
  const system = [node, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].filter(isShown);
  const path = new Set([...own, ...system, ...tools.after]);
  const environment: Record<string, string> = {
    ...tools.environment,
    PATH: [...path].join(":"),
    LANG: "C.UTF-8",
  };
  for (const name of CERTIFICATE_VARIABLES) {
    const value = process.env[name];
    if (value && existsSync(value)) environment[name] = value;
  }
  return environment;
}

/** The caller's, by either name, and those of the accounts of people. */
function homes(): string[] {
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .filter(([, , uid]) => uid === "0" || (Number(uid) >= 1000 && Number(uid) < 65_534))
    .map(([, , , , , home = ""]) => home);
  return [process.env.HOME ?? "", safeHome(), ...accounts]
    .filter((path) => path.startsWith("/") && path !== "/")
    .map((path) => withoutLinks(path))
    .filter((path) => !OF_THE_SYSTEM.test(path));
}

/** An id without an account has none. */
function safeHome(): string {
  try {
    return homedir();
  } catch {
    return "";
  }
}

/** Shows nobody's home, no state and not everything. */
function isHarmless(path: string, places: readonly string[]): boolean {
  const real = withoutLinks(path);
  return (
    ![...homes(), ...places].some((each) => isWithin(each, real)) &&
    !places.some((each) => isWithin(real, each))
  );
}

function refuseInState(path: string, places: readonly string[]): void {
  const place = places.find((each) => isWithin(withoutLinks(path), each));
  if (!place) return;
  throw new SandboxError(
    "INVALID_ARGUMENT",
    `create: ${path}, which sandboxes on the host base are shown, lies in forkbox's own state directory ${place}. Set FORKBOX_STATE_DIR (or stateDirectory) to a directory of its own.`,
    { operation: "create", path },
  );
}

const OPTION = "paths (--host-path):";
/** Whose files are everybody's, or the kernel's. */
const NEVER_WHOLE = ["/", "/proc", "/dev", "/etc", "/sys", "/run"];

function operatorPath(path: string, places: readonly string[]): string {
  const absolute = resolve(path);
  const details = { operation: "create", path: absolute };
  const stat = statSync(absolute, { throwIfNoEntry: false });
  if (!stat)
    throw new SandboxError(
      "NOT_FOUND",
      `The host path ${absolute}, which the base is to show, does not exist.`,
      details,
    );
  const whole = NEVER_WHOLE.some((never) => existsSync(never) && isSame(stat, statSync(never)));
  // Of a process's root anything can be, seen from another mount namespace.
  if (
    whole ||
    ["/proc", "/sys"].some((kernel) => isWithin(absolute, kernel) || isWithin(withoutLinks(absolute), kernel))
  )
    throw new SandboxError(
      "INVALID_ARGUMENT",
      `create: ${OPTION} ${absolute} can't be shown whole: name what is needed below it.`,
      details,
    );
  refuseState(absolute, OPTION, places);
  return absolute;
}
