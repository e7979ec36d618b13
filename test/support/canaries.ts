import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** A file of the host that no sandbox may read. */
export interface Canary {
  path: string;
  value: string;
}

/** Set for a run as an ordinary user by the run as root before it, which may plant where that user may not. */
const PLANTED = "FORKBOX_TEST_CANARIES";

/** Puts canaries wherever this user may write, and says how to take them away. */
export function plantCanaries(): { canaries: Canary[]; remove: () => void } {
  const word = `forkbox-canary-${process.pid}-${randomBytes(4).toString("hex")}`;
  const planted: Canary[] = [];
  for (const [path, mode] of places(word)) {
    const value = randomBytes(12).toString("hex");
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, value, { flag: "wx" });
      chmodSync(path, mode);
      planted.push({ path, value });
    } catch {
      // Not a place of this user's: the run as root has one there.
    }
  }
  const given = JSON.parse(process.env[PLANTED] ?? "[]") as Canary[];
  return {
    canaries: [...planted, ...given],
    remove: () => {
      for (const { path } of planted) rmSync(path, { force: true });
      rmSync(`/etc/${word}.d`, { recursive: true, force: true });
    },
  };
}

/** For the environment of a run as another user. */
export function asEnvironment(canaries: readonly Canary[]): Record<string, string> {
  return { [PLANTED]: JSON.stringify(canaries) };
}

/** Readable by everybody where only the walls should keep a sandbox out, 0600 where the walls show the place. */
function places(word: string): [path: string, mode: number][] {
  const open = [
    "/root",
    ...homes(),
    homedir(),
    "/tmp",
    "/var",
    "/var/tmp",
    "/var/lib",
    "/run",
    "/srv",
    "/mnt",
    "/media",
    "/dev/shm",
    "/etc",
  ];
  return [
    ...open.map((directory): [string, number] => [join(directory, word), 0o644]),
    [`/etc/${word}.d/private/key.pem`, 0o644],
    [`/etc/ssl/private/${word}.key`, 0o600],
    [`/opt/${word}-0600`, 0o600],
    [`/usr/local/${word}-0600`, 0o600],
  ];
}

function homes(): string[] {
  return ["/home", ...readdirSync("/home").map((name) => join("/home", name))];
}

/** Files of the host that are secret anyway, where this user can read them at all. */
export function hostSecrets(): Canary[] {
  return ["/etc/shadow", "/etc/gshadow", "/etc/ssl/private/ssl-cert-snakeoil.key"].flatMap((path) => {
    try {
      return [{ path, value: readFileSync(path, "utf8") }];
    } catch {
      return [];
    }
  });
}
