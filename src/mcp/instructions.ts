import type { World } from "./world.js";

/** What a model is told before it knows the tools. */
export function instructions({ options, roots }: World): string {
  const host =
    roots.directories.length > 0
      ? `Host directories: ${roots.directories.join(", ")}, through refresh_from_host, export_directory and validate.`
      : "No host directory is open: refresh_from_host and export_directory refuse. Bring files with write_files.";
  const kept =
    options.readOnlyPaths.length > 0
      ? `The operator keeps these paths as they are: ${options.readOnlyPaths.join(", ")}.`
      : "";
  return [
    "Sandboxes for running code that nobody has reviewed. Call create_sandbox once, then work with its sandbox_id:",
    "write_files or refresh_from_host, exec, read_file, edit_file. Commands start in /workspace, where relative paths start too.",
    "A command that takes long answers with a run_id and state running: call get_run until it ended, or stop_run.",
    "validate builds a project and runs its checks; it says which failed and shows their last lines.",
    "To try something that may go wrong, fork_sandbox first: a fork costs nothing and leaves its parent as it was.",
    "Credentials are set by the operator: commands have them in their environment, answers show *** instead.",
    ...[host, kept],
  ]
    .filter((line) => line !== "")
    .join("\n");
}
