import type { ExecRequest } from "../../../engine.js";
import type { BaseTree } from "../bases/base-tree.js";
import { type Ids, SANDBOX_ID } from "../holder/ids.js";
import { latin1 } from "../layers/tree.js";

// What Docker gives root of a container, less what reaches devices and raw sockets.
const ROOT_CAPABILITIES = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "NET_BIND_SERVICE",
  "SYS_CHROOT",
];

/** bwrap's options for one command, as latin1 strings of their bytes: see bwrap(1). The order counts: later mounts lie on earlier ones. */
export function wallsFor(
  request: ExecRequest,
  view: string,
  base: BaseTree,
  cwd: string,
  mounts: readonly string[],
  given: Readonly<Record<string, string>>,
  entersNetwork = false,
): string[] {
  const { user, network, env, secrets } = request;
  const environment = { ...base.environment, ...given, HOME: homeOf(user), ...env, ...secrets };
  const options = [
    ...["--bind", `v/${view}`, "/"],
    ...base.binds.flatMap(({ at, source }) => ["--ro-bind", source, at]),
    ...["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"],
    ...mounts,
    ...(user === "root"
      ? ["--cap-drop", "ALL", ...ROOT_CAPABILITIES.flatMap((name) => ["--cap-add", `CAP_${name}`])]
      : [
          "--unshare-user",
          "--uid",
          String(SANDBOX_ID),
          "--gid",
          String(SANDBOX_ID),
          "--disable-userns",
          "--cap-drop",
          "ALL",
        ]),
    ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "sandbox", "--unshare-cgroup-try"],
    ...(network === "off" && !entersNetwork ? ["--unshare-net"] : []),
    ...["--new-session", "--die-with-parent"],
    ...["--clearenv", ...Object.entries(environment).flatMap(([name, value]) => ["--setenv", name, value])],
  ];
  // A directory's name need not be UTF-8; everything else here is text.
  return [...options.map(latin1), "--chdir", cwd];
}

/** What runs bwrap as the right user, in the right network: `nsenter`, or nothing. */
export function enterFor(request: ExecRequest, ids: Ids, netns: string | undefined): string[] {
  const options = [
    ...(netns ? [`--net=${netns}`] : []),
    ...(request.user === "root" ? ["--user=guest", "-S", "0", "-G", "0"] : []),
    ...(request.user === "sandbox" && ids.range ? ["-S", String(SANDBOX_ID), "-G", String(SANDBOX_ID)] : []),
  ];
  return options.length > 0 ? ["nsenter", ...options] : [];
}

export function homeOf(user: ExecRequest["user"]): string {
  return user === "root" ? "/root" : "/home/sandbox";
}
