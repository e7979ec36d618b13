import { randomBytes } from "node:crypto";
import { SYSTEM_PATH } from "../commands/scripts.js";
import { asking } from "../session/errors.js";
import { call } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { exportBytes } from "./bytes.js";

const MAX_BYTES = 256 * 1024 * 1024;

/** What a small shell script of root prints in a snapshot, byte by byte. Nothing of it stays. */
export function printed(
  { workspace, container }: DaggerSnapshot,
  script: string,
  args: readonly string[],
  asked: QueryOptions,
): Promise<Buffer> {
  const path = `/.forkbox-${randomBytes(9).toString("base64url")}`;
  const words = ["/bin/sh", "-c", `${SYSTEM_PATH}\n${script}`, "sh", ...args];
  const steps = [
    workspace.container(container),
    call("withExec", { args: words, redirectStdout: path, noInit: true }),
    call("file", { path }),
  ];
  return asking(asked.operation, undefined, () => exportBytes(workspace, steps, asked, MAX_BYTES));
}
