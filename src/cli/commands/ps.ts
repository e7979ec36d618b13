import { Command } from "commander";
import type { Session } from "../../engines/admin-types.js";
import { wallClock } from "../../timers.js";
import { EXIT } from "../failure.js";
import type { Finish } from "../finish.js";
import { keptLines } from "../kept-lines.js";
import { jsonText, theme } from "../view/terminal.js";

type Row = Session & { engine: string };

export function psCommand(finish: Finish): Command {
  return new Command("ps")
    .summary("processes with sandboxes, and what dead ones left")
    .description("List the processes that have sandboxes on this machine, and what dead ones left behind.")
    .option("--json", "print the list as JSON")
    .addHelpText("after", HELP)
    .action(async (flags: { json?: boolean }) => finish(await run(flags.json === true)));
}

async function run(json: boolean): Promise<number> {
  const { engineAdmins } = await import("../../engines/admin.js");
  const rows: Row[] = [];
  for (const { name, sessions } of engineAdmins())
    for (const session of await sessions()) rows.push({ engine: name, ...session });
  if (json) process.stdout.write(jsonText(rows));
  else await print(rows, await keptLines());
  return EXIT.ok;
}

async function print(rows: readonly Row[], kept: readonly string[]): Promise<void> {
  const { duration, size, table } = await import("../view/format.js");
  const t = theme(process.stdout);
  if (rows.length === 0) {
    process.stdout.write(`${["No sandboxes.", ...kept].join("\n")}\n`);
    return;
  }
  const header = ["ENGINE", "SESSION", "PID", "STATE", "AGE", "RUNNING", "DISK"].map(t.bold);
  const cells = rows.map((row) => [
    row.engine,
    row.id,
    String(row.pid),
    row.live ? t.green("live") : t.yellow("dead"),
    duration(wallClock() - new Date(row.startedAt).getTime()),
    String(row.running),
    row.diskBytes === undefined ? "" : size(row.diskBytes),
  ]);
  const hint = rows.every((row) => row.live) ? [] : ["", 'Reclaim what dead ones left with "forkbox prune".'];
  process.stdout.write(`${[...table([header, ...cells]), ...hint, ...kept].join("\n")}\n`);
}

const HELP = `
Examples:
  $ forkbox ps
  $ forkbox ps --json | jq '.[] | select(.live)'`;
