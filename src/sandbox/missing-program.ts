/** How shells, and programs that start others, say that there is no program of a name. */
const SAYINGS = [
  /(?:^|: )([^\s:/'"]+): (?:command )?not found$/,
  /\benv: [‘'"]?([^\s:/’'"]+)[’'"]?: No such file or directory$/,
  /^(?:g?make|ninja|just)(?:\[\d+\])?: ([^\s:/]+): No such file or directory$/,
  /\bspawn ([^\s:/]+) ENOENT\b/,
  /\bexec: "([^\s"/]+)": executable file not found in \$PATH/,
  /^FileNotFoundError: .*No such file or directory: '([^\s'/]+)'$/,
];
/** A program says it at its end. */
const MOST_LINES = 100;

/** The program that a command printed it had not found, if it did: the last one. What a command prints is its own word. */
export function missingProgram(output: string): string | undefined {
  const lines = output
    .slice(-64 * 1024)
    .split(/\r?\n/)
    .slice(-MOST_LINES);
  for (const line of lines.reverse()) {
    if (line.length > 1000) continue;
    for (const saying of SAYINGS) {
      const program = saying.exec(line.trimEnd())?.[1];
      if (program !== undefined) return program;
    }
  }
  return undefined;
}
