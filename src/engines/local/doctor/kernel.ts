import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Finding } from "../../admin-types.js";
import { findCgroups } from "../commands/cgroups.js";
import { findTool } from "./tools.js";

/** Whether this user may make them, and if not, what turns them off. */
export function checkUserNamespaces(): Finding {
  const check = "user namespaces";
  const tried = spawnSync(
    findTool("unshare") ?? "unshare",
    ["--user", "--map-root-user", "--mount", "--pid", "--fork", "true"],
    { encoding: "utf8" },
  );
  if (tried.status === 0)
    return { check, ok: true, severity: "error", detail: "a user, mount and pid namespace could be made" };
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  const because = [
    {
      file: "/proc/sys/user/max_user_namespaces",
      bad: "0",
      fix: `${sudo}sysctl -w user.max_user_namespaces=10000`,
    },
    {
      file: "/proc/sys/kernel/unprivileged_userns_clone",
      bad: "0",
      fix: `${sudo}sysctl -w kernel.unprivileged_userns_clone=1`,
    },
    {
      file: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
      bad: "1",
      fix: `${sudo}sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`,
    },
  ].find(({ file, bad }) => readSysctl(file) === bad);
  const said = (tried.stderr || tried.error?.message || "").trim();
  if (because)
    return {
      check,
      ok: false,
      severity: "error",
      detail: `they are turned off: ${because.file} is ${because.bad} (${said}).`,
      fix: because.fix,
    };
  return {
    check,
    ok: false,
    severity: "error",
    detail: `refused: ${said}. In a container its seccomp profile does that.`,
    fix: "run the container with --security-opt seccomp=unconfined, or forkbox outside of it",
  };
}

/** One finding a controller: without one a limit is not available, or weaker. */
export function checkCgroups(): Finding[] {
  const roots = findCgroups();
  return (["memory", "pids", "cpu"] as const).map((name) => {
    const root = roots[name];
    if (root)
      return {
        check: `cgroup ${name}`,
        ok: true,
        severity: "warning",
        detail: `v${root.version} at ${root.directory}`,
      };
    const without = {
      memory: "limits.memoryMiB is not available",
      pids: "limits.processes is a resource limit, shared by concurrent commands",
      cpu: "limits.cpus is not available",
    }[name];
    return {
      check: `cgroup ${name}`,
      ok: false,
      severity: "warning",
      detail: `can't be made here: ${without}.`,
      fix: "run as root, or under: systemd-run --user --scope -p Delegate=yes forkbox …",
    };
  });
}

function readSysctl(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}
