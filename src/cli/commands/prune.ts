import { Command } from "commander";
import type { Pruned } from "../../engines/admin-types.js";
import { EXIT } from "../failure.js";
import type { Finish } from "../finish.js";
import { keptLines } from "../kept-lines.js";
import { milliseconds } from "../sandbox-flags.js";
import { jsonText } from "../view/terminal.js";

interface PruneFlags {
  all?: boolean;
  olderThan?: number;
  json?: boolean;
}

export function pruneCommand(finish: Finish): Command {
  return new Command("prune")
    .summary("free the disk that dead processes left")
    .description("Free the disk that dead processes left; on request, cached setups and bases too.")
    .option("--all", "remove every cached setup and base as well")
    .option("--older-than <time>", "remove those not used for 12h, 7d…", milliseconds)
    .option("--json", "print what was removed as JSON")
    .addHelpText("after", HELP)
    .action(async (flags: PruneFlags) => finish(await run(flags)));
}

async function run(flags: PruneFlags): Promise<number> {
  const { engineAdmins } = await import("../../engines/admin.js");
  const total: Pruned = { sessions: 0, kept: 0, bytes: 0 };
  for (const { prune } of engineAdmins()) {
    const removed = await prune({
      ...(flags.all && { all: true }),
      ...(flags.olderThan !== undefined && { olderThanMs: flags.olderThan }),
    });
    total.sessions += removed.sessions;
    total.kept += removed.kept;
    total.bytes += removed.bytes;
  }
  if (flags.json) process.stdout.write(jsonText(total));
  else process.stdout.write(`${[await sentence(total), ...(await keptLines())].join("\n")}\n`);
  return EXIT.ok;
}

async function sentence({ sessions, kept, bytes }: Pruned): Promise<string> {
  if (sessions + kept === 0) return "Nothing to remove.";
  const { count, size } = await import("../view/format.js");
  const what = [
    ...(sessions > 0 ? [`what ${count(sessions, "dead process", "dead processes")} left`] : []),
    ...(kept > 0 ? [count(kept, "cached snapshot")] : []),
  ];
  return `Removed ${what.join(" and ")}: ${size(bytes)} freed.`;
}

const HELP = `
Examples:
  $ forkbox prune                     what killed processes left
  $ forkbox prune --older-than 7d     and setups that nobody used for a week
  $ forkbox prune --all               and every cached setup

Nothing that a live process uses is touched.`;
