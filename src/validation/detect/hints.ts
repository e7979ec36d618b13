import type { Project } from "./project.js";

const files = ["Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", "tox.ini", "noxfile.py"];
const more = [
  "hatch.toml",
  "pyproject.toml",
  "tasks.py",
  "dev.py",
  ".pre-commit-config.yaml",
  ".gitlab-ci.yml",
];
/** Lines are matched with bounded work, whatever a candidate writes. */
const MOST_LINE = 400;
const MOST_LINES = 20_000;

/**
 * How the project's own automation calls tools: makefiles, tox, nox, CI. Read as text, as a hint only: nothing is
 * run because it stands there, but a tool that is there is run the way it says.
 */
export class Hints {
  private lines: string[] | undefined;

  constructor(private readonly project: Project) {}

  says(words: string): boolean {
    const call = `(?<![\\w./-])${words}(?![\\w./-])`;
    return this.all().some((line) => new RegExp(call).test(line));
  }

  /**
   * What follows this command where it is first called with words that mean the same in any shell, as a line of
   * a shell ("mypy src") or as a list (`"mypy", "src"`). Empty where it is only called without.
   */
  wordsAfter(command: string): string[] | undefined {
    const text = command.replaceAll(" ", "[ \\t]+");
    const call = new RegExp(
      `(?:^|[\\s"'\`;&(:@-])${text}((?:[ \\t]+[A-Za-z0-9_./=:,-]+)*)[ \\t]*(?:$|["'\`;&|)\\]])`,
    );
    const list = command.replaceAll(" ", `["'], *["']`);
    const items = new RegExp(`["']${list}["']((?:, *["'][A-Za-z0-9_./=:,-]+["'])*) *,? *[\\])]`);
    let bare: string[] | undefined;
    for (const line of this.all()) {
      const found = items.exec(line)?.[1]?.replace(/["',]/g, " ") ?? call.exec(line)?.[1];
      if (found === undefined) continue;
      const words = found.split(/\s+/).filter((word) => word !== "");
      // Its name alone also stands in lists of what is installed.
      if (words.length > 0) return words;
      bare ??= words;
    }
    return bare;
  }

  private all(): string[] {
    this.lines ??= [
      ...[...files, ...more].map((name) =>
        this.project.has(name) ? this.project.head(name, 128 * 1024) : "",
      ),
      ...this.project
        .names(".github/workflows")
        .filter((name) => /\.ya?ml$/.test(name))
        .map((name) => this.project.head(`.github/workflows/${name}`, 64 * 1024)),
    ]
      .join("\n")
      .split("\n")
      .filter((line) => line.length <= MOST_LINE && !line.trim().startsWith("#"))
      .slice(0, MOST_LINES);
    return this.lines;
  }
}
