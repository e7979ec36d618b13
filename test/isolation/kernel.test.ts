import { readFileSync, readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { attempt, expectDenied } from "../support/attempt.js";
import { describeWalls } from "../support/local-walls.js";

/** Numbers of system calls, which differ between architectures. */
const calls = {
  x64: { unshare: 272, ptrace: 101, mount: 165, keyctl: 250 },
  arm64: { unshare: 97, ptrace: 117, mount: 40, keyctl: 219 },
};
const call = calls[process.arch as keyof typeof calls];

await describeWalls("the kernel", ({ sandbox, user, network }) => {
  const settings = [
    "kernel/core_pattern",
    "kernel/modprobe",
    "kernel/panic",
    "kernel/randomize_va_space",
    "kernel/pid_max",
    "vm/overcommit_memory",
    "vm/drop_caches",
    "fs/file-max",
    "user/max_user_namespaces",
    "net/ipv4/ip_forward",
  ];

  test.each(settings)("/proc/sys/%s can't be written", async (setting) => {
    const path = `/proc/sys/${setting}`;
    const before = read(path);
    await expectDenied(sandbox(), `echo 1 > ${path}`);
    await expectDenied(sandbox(), `mount -o remount,rw /proc/sys; echo 1 > ${path}`);
    await expectDenied(sandbox(), `umount -l /proc/sys && echo 1 > ${path}`);
    expect(read(path)).toBe(before);
  });

  test.each([
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/sys/power/state",
    "/sys/kernel/mm/ksm/run",
  ])("%s can't be written", async (path) => {
    await expectDenied(sandbox(), `echo h > ${path}`);
  });

  test("kernel memory and logs can't be read", async () => {
    for (const path of ["/proc/kcore", "/dev/mem", "/dev/kmsg", "/proc/kmsg"]) {
      await expectDenied(sandbox(), `head -c 16 ${path}`);
    }
  });

  test("it has its own namespaces of every kind", async () => {
    const kinds = ["mnt", "pid", "ipc", "uts", "user", "net", "cgroup"];
    for (const kind of kinds) {
      const { output } = await attempt(sandbox(), `readlink /proc/self/ns/${kind}`);
      expect(output).toMatch(/^\w+:\[\d+\]\n$/);
      expect(output.trim()).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
    }
  });

  test("it has no privileges to gain and none of the dangerous ones", async () => {
    const { output } = await attempt(sandbox(), "cat /proc/self/status");
    expect(output).toMatch(/^NoNewPrivs:\t1$/m);
    const set = (name: string) => BigInt(`0x${new RegExp(`^${name}:\\t(\\w+)$`, "m").exec(output)?.[1]}`);
    const held = set("CapPrm") | set("CapEff") | set("CapInh") | set("CapAmb");
    if (user === "sandbox") expect(held).toBe(0n);
    // net_admin, sys_module, sys_rawio, sys_ptrace, sys_admin, sys_boot, sys_time, mknod, syslog, bpf.
    for (const bit of [12n, 16n, 17n, 19n, 21n, 22n, 25n, 27n, 34n, 39n])
      expect([bit, held & (1n << bit)]).toEqual([bit, 0n]);
  });

  test("the host's root is nobody in it", async () => {
    const { output } = await attempt(sandbox(), "id -u; cat /proc/self/uid_map; stat -c %u /usr/bin/env");
    const lines = output.trim().split("\n");
    expect(lines[0]).toBe(user === "root" ? "0" : "1000");
    expect(lines.at(-1)).not.toBe(lines[0]);
  });

  test("nested user namespaces are refused", async () => {
    for (const script of [
      "unshare --user true",
      "unshare --user --map-root-user true",
      "unshare --user --mount --pid --fork true",
      "bwrap --ro-bind / / true",
      ...(call ? [`perl -e 'exit(syscall(${call.unshare}, 0x10000000) == 0 ? 0 : 1)'`] : []),
    ]) {
      await expectDenied(sandbox(), script);
    }
  });

  test("nothing can be mounted, unmounted or moved into", async () => {
    for (const script of [
      "mkdir -p /workspace/m; mount -t tmpfs none /workspace/m",
      "mkdir -p /workspace/m; mount --bind / /workspace/m",
      "mount -t proc proc /proc",
      "mount -o remount,rw /usr",
      "umount /proc",
      "umount -l /usr",
      "unshare --mount true",
      "unshare --net true",
      "unshare --pid --fork true",
      "nsenter --target 1 --mount --all true",
      "nsenter --user=/proc/1/ns/user true",
      "hostname changed",
      ...(call ? [`perl -e 'exit(syscall(${call.mount}, "none", "/tmp", "tmpfs", 0, 0) == 0 ? 0 : 1)'`] : []),
    ]) {
      await expectDenied(sandbox(), script);
    }
  });

  test("control groups can't be changed from inside", async () => {
    const { output } = await attempt(
      sandbox(),
      "for f in $(find / -name cgroup.procs -not -path '/proc/*' 2>/dev/null); do echo 0 > $f && echo CHANGED; done",
    );
    expect(output).not.toContain("CHANGED");
  });

  test("set-user-id programs raise nobody", async () => {
    await sandbox().exec("cp /usr/bin/id /workspace/id && chmod 6755 /workspace/id; exit 0");
    const { output } = await attempt(
      sandbox(),
      "/workspace/id -u; (echo | su -c 'id -u' root) || true; sudo -n id -u || true",
    );
    expect(output.split("\n")[0]).toBe(user === "root" ? "0" : "1000");
    if (user === "sandbox") expect(output).not.toMatch(/^0$/m);
  });

  test("its network has only its own interfaces", async () => {
    const { output } = await attempt(sandbox(), "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '");
    expect(output.trim().split("\n").sort()).toEqual(network === "on" ? ["lo", "tap0"] : ["lo"]);
  });
});

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
