import { Command } from "commander";
import pc from "picocolors";
import { VERSION } from "../version.js";
import { completionCommand } from "./commands/completion.js";
import { doctorCommand } from "./commands/doctor.js";
import { execCommand } from "./commands/exec.js";
import { mcpCommand } from "./commands/mcp.js";
import { pruneCommand } from "./commands/prune.js";
import { psCommand } from "./commands/ps.js";
import { validateCommand } from "./commands/validate.js";
import type { Finish } from "./finish.js";
import { hasColors } from "./view/terminal.js";

/**
 * The command line as a tree. Defining it loads nothing heavy: each action imports what it runs, so that
 * `--help`, `--version` and completion answer at once.
 */
export function buildProgram(finish: Finish): Command {
  const program = new Command("forkbox")
    .description("Run code that nobody has reviewed yet, in sandboxes that fork.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .enablePositionalOptions()
    .addHelpText("after", EXAMPLES)
    .addHelpText("after", EXIT_CODES);
  for (const command of [validateCommand, execCommand, mcpCommand, doctorCommand, psCommand, pruneCommand])
    program.addCommand(command(finish));
  program.addCommand(completionCommand(finish, () => program));
  for (const command of [program, ...program.commands]) setConventions(command);
  return program;
}

function setConventions(command: Command): void {
  const name = command.parent ? `forkbox ${command.name()}` : "forkbox";
  command
    .exitOverride()
    .helpOption("-h, --help", "print this help")
    .showHelpAfterError(`Run "${name} --help" for what it takes.`)
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, "forkbox: ")),
      getOutHasColors: () => hasColors(process.stdout),
      getErrHasColors: () => hasColors(process.stderr),
    })
    .configureHelp({ styleTitle: (title) => pc.createColors(true).bold(title) });
}

const EXAMPLES = `
Examples:
  $ forkbox validate my-app                 all checks of a project
  $ forkbox exec --import . -- npm test     one command over a copy of this directory
  $ forkbox doctor                          what works here, and how to fix the rest`;

const EXIT_CODES = `
Exit codes: 0 passed · 1 did not pass · 2 wrong usage or config · 3 no engine
· 130 interrupted. NO_COLOR and FORCE_COLOR are honoured; FORKBOX_DEBUG=1 shows
stack traces.`;
