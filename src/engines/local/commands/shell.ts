import { SHELL } from "../../../arguments/arguments.js";
import type { ExecRequest } from "../../../engine.js";
import type { Tree } from "../layers/tree.js";

const NAME_IN_A_SHELL = /^[A-Za-z_][A-Za-z0-9_]*$/;
const BASH = ["/bin/bash", "/usr/bin/bash"];

/**
 * What to run for a command. dash and busybox's sh drop every variable whose name could not be one of theirs
 * (`my.name`), for all that they start, and nothing put in front of or behind them brings it back. So with such a
 * name bash runs a command that is a string, in its POSIX mode and with the echo of the shell whose place it takes.
 * Nothing is lost where the shell is bash anyway, and a command that is a list needs no shell.
 */
export function argvWithShell(tree: Tree, { argv, env, secrets }: ExecRequest): ExecRequest["argv"] {
  const dropped = Object.keys({ ...env, ...secrets }).filter((name) => !NAME_IN_A_SHELL.test(name));
  if (dropped.length === 0 || SHELL.some((word, i) => argv[i] !== word)) return argv;
  const [sh, ...options] = SHELL;
  const real = realPath(tree, sh);
  if (real === undefined || real.endsWith("/bash")) return argv;
  const bash = BASH.find((path) => realPath(tree, path) !== undefined);
  if (!bash) {
    warn(dropped);
    return argv;
  }
  const echo = real.endsWith("/dash") ? ["-O", "xpg_echo"] : [];
  return [bash, "--norc", "--posix", ...echo, ...options, ...argv.slice(SHELL.length), sh];
}

function realPath(tree: Tree, path: string): string | undefined {
  try {
    const { real, stat } = tree.resolve(path, "exec", true);
    return stat?.isFile() ? real : undefined;
  } catch {
    return undefined; // a link to itself, say: then it is no shell
  }
}

function warn(names: readonly string[]): void {
  process.emitWarning(
    `The base's /bin/sh hands no variable named ${names.map((name) => JSON.stringify(name)).join(", ")} on to what it starts, and the base has no bash, which would. Give the command as a list, without a shell, or install bash.`,
    { type: "ForkboxWarning", code: "FORKBOX_SHELL_DROPS_NAME" },
  );
}
