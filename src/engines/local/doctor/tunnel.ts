import type { Finding } from "../../admin-types.js";
import type { Holder } from "../holder/holder.js";
import { checkNetworkTools } from "./programs.js";

/** Why sandboxes have no network of their own here, if they have none. */
export async function lackOfNetwork(holder: Holder): Promise<string | undefined> {
  const tools = checkNetworkTools();
  const { ok, detail, fix } = tools.ok ? await checkTunnel(holder) : tools;
  return ok ? undefined : `${detail} ${fix ? `Fix: ${fix}. ` : ""}Or use network "off".`;
}

/**
 * Makes a device as the network's stack does, where that does: who may open /dev/net/tun may still be refused it in
 * the holder's user namespace, or by a kernel that has no more than its name.
 */
export async function checkTunnel(holder: Holder): Promise<Finding> {
  const check = "network device";
  try {
    await holder.task("unshare", "--net", "ip", "tuntap", "add", "dev", "tap0", "mode", "tap");
    return { check, ok: true, severity: "warning", detail: "a tap device could be made with /dev/net/tun" };
  } catch (error) {
    return {
      check,
      ok: false,
      severity: "warning",
      detail: `/dev/net/tun can't be used by sandboxes (${(error as Error).message.trim()}): they can have no network of their own.`,
      fix: "in a container, start it with --device /dev/net/tun; else: modprobe tun, and chmod 666 /dev/net/tun",
    };
  }
}
