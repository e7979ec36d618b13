/**
 * What of a gitdir comes along: history, what is staged, and where HEAD is. Not its config and hooks, which are code;
 * not its remotes, reflogs and FETCH_HEAD, which hold addresses with credentials; not alternates and worktrees, which lead
 * to other places; and no locks of what runs there now.
 */
const OF_WORKTREE = ["HEAD", "index", "sharedindex.*"];
const OF_REPOSITORY = [
  ...["packed-refs", "refs", "reftable", "shallow", "objects", "info/exclude", "info/attributes"],
];
const LEFT = ["objects/info/alternates", "objects/info/http-alternates", "objects/**/tmp_*", "**/*.lock"];

/** Globs of it, for a gitdir at this place: `.git`, or "" for the directory itself. */
export function historyGlobs(
  gitdir: string,
  parts: "all" | "worktree" | "repository" = "all",
): { include: string[]; exclude: string[] } {
  const at = (glob: string) => (gitdir === "" ? glob : `${gitdir}/${glob}`);
  const include = [
    ...(parts === "repository" ? [] : OF_WORKTREE),
    ...(parts === "worktree" ? [] : OF_REPOSITORY),
  ];
  return { include: include.map(at), exclude: LEFT.map(at) };
}
