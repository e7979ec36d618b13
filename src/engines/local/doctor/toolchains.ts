import type { Finding } from "../../admin-types.js";
import { hostView } from "../bases/host.js";
import type { FoundToolchain } from "../bases/toolchains/find.js";

const severity = "warning";

/** What of the caller's PATH lies in homes and other places: what sandboxes on the host base are shown of it, and what not. */
export function checkToolchains(directory: string): Finding[] {
  let found: readonly FoundToolchain[];
  try {
    found = hostView([], directory).tools.found;
  } catch (error) {
    return [{ check: "host base", ok: false, severity: "error", detail: (error as Error).message }];
  }
  const shown = found.filter(({ whyNot }) => whyNot === undefined);
  const refused = found.filter(({ name, whyNot }) => name !== undefined && whyNot !== undefined);
  const unknown = found.filter(({ name, whyNot }) => name === undefined && whyNot !== undefined);
  const list = shown.map(({ name, directory: at }) => `${name ?? "tools"} in ${at}`).join(", ");
  return [
    ...(shown.length > 0 ? [{ check: "toolchains", ok: true, severity, detail: list } as const] : []),
    ...refused.map(({ name, directory: at, whyNot }) => ({
      check: `toolchain ${name}`,
      ok: false,
      severity: severity as "warning",
      detail: `sandboxes are not shown ${at}, which is in PATH: ${whyNot}.`,
      fix: `mend that, or --host-path ${at}`,
    })),
    ...(unknown.length > 0 ? [unknownOnes(unknown.map((each) => each.directory))] : []),
  ];
}

function unknownOnes(directories: readonly string[]): Finding {
  return {
    check: "other directories",
    ok: false,
    severity,
    detail: `sandboxes are not shown ${directories.join(", ")}, which ${directories.length === 1 ? "is" : "are"} in PATH.`,
    fix: `where a check needs a program of theirs: ${directories.map((each) => `--host-path ${each}`).join(" ")}`,
  };
}
