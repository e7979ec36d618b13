/** What the command's user does before the command: goes where it starts, which root could where that user can't. */
const ENTER = 'cd "$1" 2>/dev/null || { echo >&6; exit 1; }; shift; unset OLDPWD; exec "$@" 6>&-';
const SHELL = ["/bin/sh", "-c", ENTER];

/** The words before a cwd and a command that start the one in the other. */
export const AS_ROOT: readonly string[] = [...SHELL, "sh"];

/** The same, by which root becomes another user: as a base was found to know it. */
export function becoming(how: string | undefined, owner: string): readonly string[] | undefined {
  const [program, name = ""] = how?.split(" ") ?? [];
  if (program === "root") return AS_ROOT;
  if (program === "chroot") return ["chroot", `--userspec=${owner}`, "--skip-chdir", "/", ...AS_ROOT];
  if (program === "su") return ["su", "-m", "-s", ...SHELL, "--", name, "sh"];
  return undefined;
}
