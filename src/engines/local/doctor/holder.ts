import { closeSync, existsSync, rmSync } from "node:fs";
import type { Finding } from "../../admin-types.js";
import { Holder } from "../holder/holder.js";
import { idsOfCaller } from "../holder/ids.js";
import { Networks, STACK_WALLS } from "../network/network.js";
import { openSession, openState } from "../state/state.js";
import { checkNetworkTools } from "./programs.js";
import { checkTunnel } from "./tunnel.js";

/** What needs the namespaces: an overlay in the state directory, bubblewrap's walls, the network. */
export async function checkHolder(directory: string): Promise<Finding[]> {
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
      ...(checkNetworkTools().ok ? await checkNetwork(holder, paths.hidden) : []),
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

async function checkNetwork(holder: Holder, session: string): Promise<Finding[]> {
  const tunnel = await checkTunnel(holder);
  return tunnel.ok ? [tunnel, await checkStack(holder, session)] : [tunnel];
}

async function checkStack(holder: Holder, session: string): Promise<Finding> {
  const check = "network of a sandbox";
  const networks = new Networks({ holder }, session);
  try {
    await networks.take(Symbol(check));
    const without = STACK_WALLS.filter((wall) => !networks.walls.includes(wall));
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
  } finally {
    await networks.close();
  }
}
