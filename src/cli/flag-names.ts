/** What messages of the library call an option, and the flag that sets it. The longer ones come first. */
const FLAGS: readonly (readonly [RegExp, string])[] = [
  [/(its )?limits\.memoryMiB\b/g, "--memory-mib"],
  [/limits\.cpus\b/g, "--cpus"],
  [/limits\.processes\b/g, "--processes"],
  [/limits\.diskMiB\b/g, "--disk-mib"],
  [/limits\.outputBytes\b/g, "the limit of output"],
  [/\b(Raise|raise) the limit\b/g, "$1 it"],
  [/\bbase\.paths\b/g, "--host-path"],
  [/\bbase\.(image|dockerfile|rootfs|archive|host)\b/g, "--base $1"],
  [/\bthe base \{ ?(\w+) ?\}/g, "--base $1"],
  [/\{ ?(image|dockerfile|rootfs|archive) ?\}/g, "--base $1=…"],
  [/\{ ?host ?\}/g, "--base host"],
  [
    /\bbase must have exactly one of [^.]*/g,
    "--base is image=NAME, dockerfile=DIR, rootfs=DIR, archive=TAR or host",
  ],
  [/\buser:? "(root|sandbox)"/g, "--user $1"],
  [/\bnetwork:? "host"/g, "--host-network"],
  [/\bnetwork:? "(on|off)"/g, "--network $1"],
  [/\bengine:? "(local|dagger)"/g, "--engine $1"],
  [/\bengine must be one of ([^.]*?), or an Engine,/g, "--engine must be one of $1,"],
  [/\bRaise timeoutMs\b/g, "Raise --timeout"],
  [/\btimeoutMs must be [^.]*/g, "--timeout must be from 1 ms to 24 days"],
  [/\bdagger\(\{ engines: \[[^\]]*\] \}\), --engines\b/g, "--engines"],
  [/\bregistries: \["(\w+)"\]/g, "--registry $1"],
  [/\bthe registry "(\w+)"/g, "--registry $1"],
  [/\bmaxBytes\b/g, "--artifacts-mib"],
  [/\bartifactsMiB\b/g, "--artifacts-mib"],
  [/\bstateDirectory\b/g, "FORKBOX_STATE_DIR"],
  [/\bthe workdir must\b/g, "--workdir must"],
  [
    /\bLeave (it|them) out with exclude, or (pass allowSecrets|export without strict)\b/g,
    "Remove $1 in the command",
  ],
  [/, or pass (allowGit|replace)\b/g, ""],
  [/\bExport without replace, or pass allowGit\b/g, "Export to another directory"],
  [
    /\bwrite it to a file with writeFile, or pass it as stdin\b/g,
    "bring it as a file with --import, or on stdin",
  ],
  [/^(create|exec|refreshFromHost|exportDirectory): /g, ""],
  [
    /^(exec|refreshFromHost|exportDirectory) was aborted by its signal\. The sandbox is as it was before\./g,
    "interrupted",
  ],
  [/\bthe path of the cache\b/g, "the path of --cache"],
  [/\bthe cache (\S+) can't\b/g, "--cache $1 can't"],
  [/\bThe host path (?=\/)/g, "The --host-path "],
];

/** A message of the library in the words of the command line: an option's name says nothing to who gave a flag. */
export function inFlags(message: string): string {
  return FLAGS.reduce((text, [option, flag]) => text.replace(option, flag), message);
}
