import { spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, existsSync, readFileSync, rmSync } from "node:fs";
import { SandboxError } from "../../errors.js";
import type { Finding } from "../admin.js";
import { findCgroups } from "./cgroups.js";
import { Holder } from "./holder.js";
import { idsOfCaller } from "./ids.js";
import { STACK_WALLS, stackWalls, startStack } from "./network.js";
import { openSession, openState, stateDirectory } from "./state.js";
import { findTool, installCommand, TOOL_PATH, TOOLS } from "./tools.js";

/** Tries each thing the local engine needs, for real, and names what is in its way. */
export async function diagnose(directory: string = stateDirectory()): Promise<Finding[]> {
  const system = checkSystem();
  if (!system.ok) return [system];
  const tools = checkTools();
  const findings = [system, tools, checkBubblewrap(), checkUserNamespaces()];
  if (findings.every(({ ok }) => ok)) findings.push(...(await checkHolder(directory)));
  return [...findings, checkNetworkTools(), ...checkCgroups()];
}

/** Why the engine can't be used, in the doctor's words. */
export async function explain(error: unknown, directory: string): Promise<SandboxError> {
  const broken = (await diagnose(directory)).filter(({ ok, severity }) => !ok && severity === "error");
  if (broken.length === 0 && error instanceof SandboxError) return error;
  const lines = broken.map(
    ({ check, detail, fix }) => `- ${check}: ${detail}${fix ? `\n  fix: ${fix}` : ""}`,
  );
  const why = lines.length > 0 ? lines.join("\n") : ((error as Error)?.message ?? String(error));
  return new SandboxError("ENGINE_UNAVAILABLE", `The local engine can't run here.\n${why}`, {
    operation: "create",
    cause: error,
  });
}

/** Throws ENGINE_UNAVAILABLE where a program is missing: before anything is started. */
export async function requireTools(directory: string): Promise<void> {
  if (checkSystem().ok && checkTools().ok) return;
  throw await explain(undefined, directory);
}

/** Why sandboxes have no network of their own here, if they have none. */
export function lackOfNetwork(): string | undefined {
  const { ok, detail, fix } = checkNetworkTools();
  return ok ? undefined : `${detail} ${fix ? `Fix: ${fix}. ` : ""}Or use network "off".`;
}

function checkSystem(): Finding {
  const ok = process.platform === "linux";
  return {
    check: "system",
    ok,
    severity: "error",
    detail: ok ? "Linux" : `The local engine needs Linux; this is ${process.platform}.`,
    ...(ok ? {} : { fix: "use --engine dagger" }),
  };
}

function checkTools(): Finding {
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

function checkBubblewrap(): Finding {
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

function checkUserNamespaces(): Finding {
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

/** The rest needs the namespaces: an overlay in the state directory, bubblewrap's walls, the network. */
async function checkHolder(directory: string): Promise<Finding[]> {
  let paths: ReturnType<typeof openSession>;
  try {
    paths = openSession(openState(directory).sessions);
  } catch (error) {
    return [
      {
        check: "state directory",
        ok: false,
        severity: "error",
        detail: `${directory} can't be written: ${(error as Error).message}`,
        fix: "set FORKBOX_STATE_DIR to a directory of your own on a local disk",
      },
    ];
  }
  let holder: Holder;
  try {
    holder = await Holder.start(paths.hidden, paths.hidden, idsOfCaller(), paths.lease);
  } catch (error) {
    rmSync(paths.hidden, { recursive: true, force: true });
    return [
      {
        check: "holder",
        ok: false,
        severity: "error",
        detail: (error as Error).message,
        fix: "in a container, run it with --privileged, or with /proc and /sys unmasked",
      },
    ];
  } finally {
    closeSync(paths.lease); // the holder has it
  }
  try {
    return [
      await checkOverlay(holder, directory),
      await checkWalls(holder),
      ...(checkNetworkTools().ok ? [await checkNetwork(holder)] : []),
    ];
  } finally {
    await holder.close();
    rmSync(paths.hidden, { recursive: true, force: true });
  }
}

async function checkOverlay(holder: Holder, directory: string): Promise<Finding> {
  const check = "overlay in the state directory";
  try {
    await holder.run("mkdir", "l/lower", "l/upper", "w/1", "v/1");
    await holder.run("overlay", "1", "upper", "l/lower");
    await holder.run("sh", "-c", "mkdir v/1/d && : >v/1/d/f && rm v/1/d/f");
    return { check, ok: true, severity: "error", detail: `works in ${directory}` };
  } catch (error) {
    return {
      check,
      ok: false,
      severity: "error",
      detail: `the file system of ${directory} can't hold an upper layer (${(error as Error).message}). Network file systems, other overlays and FAT can't.`,
      fix: "set FORKBOX_STATE_DIR to a directory on ext4, xfs, btrfs or tmpfs",
    };
  }
}

async function checkWalls(holder: Holder): Promise<Finding> {
  const check = "walls";
  const show = ["/usr", "/bin", "/lib", "/lib64", "/sbin"]
    .filter((path) => existsSync(path))
    .flatMap((path) => ["--ro-bind", path, path]);
  try {
    await holder.run(
      "bwrap",
      ...show,
      "--proc",
      "/proc",
      "--dev",
      "/dev",
      "--unshare-user",
      "--disable-userns",
      "--unshare-pid",
      "--unshare-ipc",
      "--unshare-uts",
      "--unshare-net",
      "--new-session",
      "--cap-drop",
      "ALL",
      "true",
    );
    return { check, ok: true, severity: "error", detail: "a command ran behind all of them" };
  } catch (error) {
    return {
      check,
      ok: false,
      severity: "error",
      detail: (error as Error).message,
      fix: "in a container, run it with --privileged, or with --security-opt systempaths=unconfined",
    };
  }
}

async function checkNetwork(holder: Holder): Promise<Finding> {
  const check = "network of a sandbox";
  try {
    const walls = stackWalls();
    await holder.run("sh", "-c", 'echo "route add blackhole 169.254.0.0/16" >net/1.routes');
    await startStack(holder, "net/1", walls, []);
    const without = STACK_WALLS.filter((wall) => !walls.includes(wall));
    if (without.length === 0) return { check, ok: true, severity: "warning", detail: "slirp4netns is ready" };
    return {
      check,
      ok: false,
      severity: "warning",
      detail: `slirp4netns works, but without ${without.join(" and ")}: a hole in it would lead to what this user may do.`,
      fix: "in a container, run it with --privileged; /etc/resolv.conf must be a file in /etc or /run",
    };
  } catch (error) {
    return {
      check,
      ok: false,
      severity: "warning",
      detail: (error as Error).message,
      fix: "in a container, run it with --device /dev/net/tun",
    };
  }
}

function checkNetworkTools(): Finding {
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
  if (!isWritable("/dev/net/tun")) {
    return lack(
      "/dev/net/tun may not be opened by this user: sandboxes can have no network of their own.",
      `${sudo}chmod 666 /dev/net/tun`,
    );
  }
  return { check, ok: true, severity: "warning", detail: "all there" };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function checkCgroups(): Finding[] {
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
