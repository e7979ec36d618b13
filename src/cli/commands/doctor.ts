import { Command } from "commander";
import type { Finding } from "../../engines/admin-types.js";
import { EXIT } from "../failure.js";
import type { Finish } from "../finish.js";
import { jsonText, theme } from "../view/terminal.js";

interface Diagnosis {
  engine: string;
  usable: boolean;
  findings: Finding[];
}

export function doctorCommand(finish: Finish): Command {
  return new Command("doctor")
    .summary("what works here, and how to fix what doesn't")
    .description("Try what the engines need on this machine, and say how to fix what is missing.")
    .option("--json", "print the findings as JSON")
    .addHelpText("after", HELP)
    .action(async (flags: { json?: boolean }) => finish(await run(flags.json === true)));
}

async function run(json: boolean): Promise<number> {
  const { engineAdmins } = await import("../../engines/admin.js");
  const diagnoses: Diagnosis[] = [];
  for (const { name, diagnose } of engineAdmins()) {
    const findings = await diagnose();
    diagnoses.push({ engine: name, usable: findings.every((f) => f.ok || f.severity !== "error"), findings });
  }
  const usable = diagnoses.some((diagnosis) => diagnosis.usable);
  if (json) process.stdout.write(jsonText({ usable, engines: diagnoses }));
  else await print(diagnoses, usable);
  return usable ? EXIT.ok : EXIT.failed;
}

async function print(diagnoses: readonly Diagnosis[], usable: boolean): Promise<void> {
  const { clip, pad, width } = await import("../view/format.js");
  const t = theme(process.stdout);
  const lines: string[] = [];
  for (const { engine, usable, findings } of diagnoses) {
    lines.push(`${t.bold(engine)}  ${usable ? t.green("usable") : t.red("not usable")}`);
    const column = Math.max(...findings.map((finding) => width(finding.check)));
    for (const { check, ok, severity, detail, fix } of findings) {
      const broken = severity === "error" ? t.red(t.signs.failed) : t.yellow(t.signs.error);
      const line = `  ${ok ? t.green(t.signs.passed) : broken} ${pad(check, column)}  ${detail}`;
      // What is fine may be cut to the terminal; what is not has to be read to its end.
      lines.push(ok && process.stdout.columns ? clip(line, process.stdout.columns, t.signs.ellipsis) : line);
      if (!ok && fix) lines.push(`    ${t.dim("fix:")} ${fix}`);
    }
    lines.push("");
  }
  lines.push(
    usable
      ? "forkbox can run sandboxes here."
      : "No engine can run sandboxes here yet: fix what is marked above.",
  );
  process.stdout.write(`${lines.join("\n")}\n`);
}

const HELP = `
Examples:
  $ forkbox doctor
  $ forkbox doctor --json | jq '.engines[].findings[] | select(.ok | not)'

Each need is tried for real. Exit codes: 0 an engine is usable · 1 none is.`;
