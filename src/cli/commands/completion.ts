import { Argument, type Command, type Option, Command as Subcommand } from "commander";
import { EXIT } from "../failure.js";
import type { Finish } from "../finish.js";

const SHELLS = ["bash", "zsh", "fish"] as const;

export function completionCommand(finish: Finish, program: () => Command): Command {
  return new Subcommand("completion")
    .summary("print a completion script for your shell")
    .description("Print a script that lets a shell complete commands, flags and their values.")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .addHelpText("after", HELP)
    .action((shell: (typeof SHELLS)[number]) => {
      process.stdout.write(SCRIPTS[shell](program()));
      finish(EXIT.ok);
    });
}

/** Written out from the commands themselves, so that it can't miss one. */
const SCRIPTS: Record<(typeof SHELLS)[number], (program: Command) => string> = { bash, zsh, fish };

function bash(program: Command): string {
  const cases = program.commands.map((command) => {
    const values = command.options
      .filter((option) => option.argChoices)
      .map(
        (option) =>
          `      ${option.long}) COMPREPLY=($(compgen -W "${option.argChoices?.join(" ")}" -- "$current")); return ;;`,
      );
    const words = [...flagsOf(command), ...argumentChoices(command)].join(" ");
    return `    ${command.name()})
      case "$previous" in
${[...values, "      --) return ;;"].join("\n")}
      esac
      [[ $current == -* || ${argumentChoices(command).length} -gt 0 ]] && COMPREPLY=($(compgen -W "${words}" -- "$current")) ;;`;
  });
  return `# forkbox completion for bash: source <(forkbox completion bash)
_forkbox() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(compgen -W "${[...program.commands.map((c) => c.name()), "help", "--help", "--version"].join(" ")}" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
    help) COMPREPLY=($(compgen -W "${program.commands.map((c) => c.name()).join(" ")}" -- "$current")) ;;
${cases.join("\n")}
  esac
}
complete -o default -F _forkbox forkbox
`;
}

function zsh(program: Command): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const describe = (text: string) => text.replace(/[[\]:\\]/g, "\\$&");
  const specs = (command: Command) =>
    command.options.map((option) => {
      const value = option.argChoices ? `:value:(${option.argChoices.join(" ")})` : ":value:_files";
      return quote(`*${option.long}[${describe(option.description)}]${takesValue(option) ? value : ""}`);
    });
  const rest = (command: Command) => {
    const choices = argumentChoices(command);
    return choices.length > 0 ? `'*:value:(${choices.join(" ")})'` : "'*:file:_files'";
  };
  const cases = program.commands.map(
    (command) =>
      `    ${command.name()}) _arguments ${[...specs(command), "'--help[print this help]'", rest(command)].join(" ")} ;;`,
  );
  const names = program.commands.map((c) => quote(`${c.name()}:${describe(c.summary())}`)).join(" ");
  return `#compdef forkbox
# forkbox completion for zsh: forkbox completion zsh > "\${fpath[1]}/_forkbox"
_forkbox() {
  if (( CURRENT == 2 )); then
    local -a commands=(${names})
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
(( $+functions[compdef] )) && compdef _forkbox forkbox
[[ $funcstack[1] == _forkbox ]] && _forkbox
`;
}

function fish(program: Command): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = program.commands.flatMap((command) => {
    const inside = `-n '__fish_seen_subcommand_from ${command.name()}'`;
    return [
      `complete -c forkbox -f -n __fish_use_subcommand -a ${command.name()} -d ${quote(command.summary())}`,
      ...command.options.map((option) => {
        const value = option.argChoices
          ? `-x -a ${quote(option.argChoices.join(" "))}`
          : takesValue(option)
            ? "-r"
            : "";
        return `complete -c forkbox ${inside} -l ${option.long?.slice(2)} ${value} -d ${quote(option.description)}`;
      }),
      ...argumentChoices(command).map((choice) => `complete -c forkbox -f ${inside} -a ${choice}`),
    ];
  });
  return `# forkbox completion for fish: forkbox completion fish | source\n${lines.join("\n")}\n`;
}

function flagsOf(command: Command): string[] {
  return [...command.options.flatMap((option) => option.long ?? []), "--help"];
}

function argumentChoices(command: Command): readonly string[] {
  return command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

const HELP = `
Examples:
  $ source <(forkbox completion bash)          now; in ~/.bashrc for always
  $ forkbox completion zsh > "\${fpath[1]}/_forkbox"
  $ forkbox completion fish > ~/.config/fish/completions/forkbox.fish`;
