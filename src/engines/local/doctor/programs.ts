import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import type { Finding } from "../../admin-types.js";
import { findTool, installCommand, TOOL_PATH, TOOLS } from "./tools.js";

export function checkSystem(): Finding {
  const ok = process.platform === "linux";
  return {
    check: "system",
    ok,
    severity: "error",
    detail: ok ? "Linux" : `The local engine needs Linux; this is ${process.platform}.`,
    ...(ok ? {} : { fix: "use --engine dagger" }),
  };
}

export function checkTools(): Finding {
  const missing = Object.keys(TOOLS).filter((name) => !TOOLS[name]?.only && !findTool(name));
  if (missing.length === 0) return { check: "programs", ok: true, severity: "error", detail: "all there" };
  return {
    check: "programs",
    ok: false,
    severity: "error",
    detail: `${missing.join(", ")} not found in ${TOOL_PATH}.`,
    fix: installCommand(missing),
  };
}

export function checkBubblewrap(): Finding {
  const version = spawnSync(findTool("bwrap") ?? "bwrap", ["--version"], { encoding: "utf8" });
  const check = "bubblewrap";
  if (version.error)
    return {
      check,
      ok: false,
      severity: "error",
      detail: "bwrap can't be run.",
      fix: installCommand(["bwrap"]),
    };
  const number = /(\d+)\.(\d+)/.exec(version.stdout);
  const ok = number !== null && (Number(number[1]) > 0 || Number(number[2]) >= 8);
  return {
    check,
    ok,
    severity: "error",
    detail: ok
      ? (number?.input.trim() ?? "")
      : `${version.stdout.trim()} is too old: 0.8.0 or later is needed.`,
    ...(ok ? {} : { fix: installCommand(["bwrap"]) }),
  };
}

export function checkNetworkTools(): Finding {
  const check = "network programs";
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  const missing = Object.keys(TOOLS).filter((name) => TOOLS[name]?.only === "network" && !findTool(name));
  const lack = (detail: string, fix: string): Finding => ({
    check,
    ok: false,
    severity: "warning",
    detail,
    fix,
  });
  if (missing.length > 0) {
    return lack(
      `${missing.join(", ")} not found: sandboxes can have no network of their own.`,
      installCommand(missing),
    );
  }
  if (!existsSync("/dev/net/tun")) {
    return lack(
      "/dev/net/tun is not there: sandboxes can have no network of their own.",
      `${sudo}modprobe tun; in a container, start it with --device /dev/net/tun`,
    );
  }
  const refusal = whyNotOpen("/dev/net/tun");
  if (refusal) {
    return lack(
      `/dev/net/tun can't be opened (${refusal.message}): sandboxes can have no network of their own.`,
      refusal.code === "EACCES"
        ? `${sudo}chmod 666 /dev/net/tun`
        : `${sudo}modprobe tun; in a container, start it with --device /dev/net/tun`,
    );
  }
  return { check, ok: true, severity: "warning", detail: "all there" };
}

/** By doing it: a container may refuse devices whose mode bits allow it, and a kernel may lack the driver. */
function whyNotOpen(path: string): NodeJS.ErrnoException | undefined {
  try {
    closeSync(openSync(path, "r+"));
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}
