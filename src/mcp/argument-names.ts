/** What messages of the library call an option, and what the caller of a tool can do about it. The longer ones come first. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/\b(Raise|raise) the limit\b/g, "$1 it"],
  [/(its )?limits\.(memoryMiB|cpus|processes|diskMiB|outputBytes)\b/g, "the operator's limit"],
  [/, or pass (allowGit|replace|allowSecrets)\b/g, ""],
  [/\bExport without replace, or pass allowGit\b/g, "Export without replace"],
  [/, or export without strict\b/g, ""],
  [/, or raise maxBytes\b/g, ""],
  [/\bmaxBytes\b/g, "the server's limit"],
  [/\bartifactsMiB\b/g, "the server's limit of artifacts"],
  [/\btimeoutMs\b/g, "timeout_ms"],
  [/\bwriteFiles?\b/g, "write_files"],
  [/\breadTextFile\b|\breadFile\b/g, "read_file"],
  [/\blistDirectory\b/g, "list_directory"],
  [/\brefreshFromHost\b/g, "refresh_from_host"],
  [/\bexportDirectory\b/g, "export_directory"],
  [/\beditFile\b/g, "edit_file"],
  [/\bthe sandbox was created with readOnlyPaths that match it\b/g, "the operator made it read-only"],
];

/** A message of the library in the words of the tools. */
export function inArguments(message: string): string {
  return NAMES.reduce((text, [option, word]) => text.replace(option, word), message);
}
