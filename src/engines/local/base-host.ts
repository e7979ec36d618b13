import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { User } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import type { Bind } from "./base.js";
import { SANDBOX_ID } from "./ids.js";
import type { Stage } from "./stage.js";
import { withUmask } from "./state.js";

/** Where the user-mode network stack answers DNS. */
export const NAMESERVER = "10.0.2.3";

const TOOLCHAIN = ["/usr", "/opt"];
const MERGED = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
// By allow-list: what programs need to start, resolve names, check certificates, tell the time zone.
const ETC =
  /^(ld\.so\.(cache|conf|conf\.d)|alternatives|localtime|timezone|os-release|debian_version|alpine-release|redhat-release|fedora-release|mime\.types|protocols|services|bash\.bashrc|profile|inputrc|gai\.conf|host\.conf|locale\.alias|locale\.conf|fonts|terminfo|magic|java.*|maven|python.*|perl|ca-certificates.*)$/;
const CERTIFICATES = [
  "ssl/certs",
  "ssl/openssl.cnf",
  "ssl/cert.pem",
  "pki/tls/certs",
  "pki/tls/cert.pem",
  "pki/ca-trust/extracted",
];
const CERTIFICATE_VARIABLES = [
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "CURL_CA_BUNDLE",
  "REQUESTS_CA_BUNDLE",
  "PIP_CERT",
  "GIT_SSL_CAINFO",
  "CARGO_HTTP_CAINFO",
];

/** What of the host is shown, read-only: the toolchain, the running Node, and what the operator named. */
export async function hostBinds(paths: readonly string[], stage: Stage): Promise<Bind[]> {
  const wanted = [...TOOLCHAIN, ...MERGED].filter(
    (path) => existsSync(path) && !lstatSync(path).isSymbolicLink(),
  );
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  for (const path of [prefix, ...paths.map((path) => operatorPath(path))]) {
    if (path !== "/" && !wanted.some((known) => path === known || path.startsWith(`${known}/`)))
      wanted.push(path);
  }
  const binds: Bind[] = [];
  for (const path of wanted) binds.push({ at: path, from: path, source: await stage.show(path) });
  return binds;
}

/** The environment of a command on the host base: the caller's PATH as far as it is shown, and its certificates. */
export function hostEnvironment(binds: readonly Bind[]): Record<string, string> {
  const shown = (path: string) =>
    [...binds.map(({ at }) => at), ...MERGED].some((at) => path === at || path.startsWith(`${at}/`));
  const own = (process.env.PATH ?? "").split(":").filter((path) => path.startsWith("/") && shown(path));
  const path = new Set(
    [...own, dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].filter(
      shown,
    ),
  );
  const environment: Record<string, string> = { PATH: [...path].join(":"), LANG: "C.UTF-8" };
  for (const name of CERTIFICATE_VARIABLES) {
    const value = process.env[name];
    if (value && existsSync(value)) environment[name] = value;
  }
  return environment;
}

/** The directories and files of /etc that a program expects, in a directory that becomes the lowest layer. */
export function writeHostSkeleton(
  root: string,
  binds: readonly Bind[],
  user: User,
  owner?: { uid: number; gid: number },
): void {
  withUmask(0o022, () => writeTree(root, binds));
  if (!owner) return;
  const own = ["home/sandbox", ...(user === "root" ? ["", "etc", "root", "run", "var", "home"] : [])];
  for (const path of own) chownSync(join(root, path), owner.uid, owner.gid);
}

function writeTree(root: string, binds: readonly Bind[]): void {
  for (const path of [
    "/proc",
    "/dev",
    "/etc",
    "/run",
    "/var/tmp",
    "/tmp",
    "/root",
    "/home/sandbox",
    ...binds.map(({ at }) => at),
  ]) {
    mkdirSync(join(root, path), { recursive: true, mode: 0o755 });
  }
  for (const path of ["/tmp", "/var/tmp"]) chmodSync(join(root, path), 0o1777);
  for (const path of MERGED) if (isLink(path)) symlinkSync(readlinkSync(path), join(root, path));
  writeEtc(join(root, "etc"));
  showCertificates(root);
}

function operatorPath(path: string): string {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    throw new SandboxError(
      "NOT_FOUND",
      `The host path ${absolute}, which the base is to show, does not exist.`,
      {
        operation: "create",
        path: absolute,
      },
    );
  }
  if (absolute === "/" || absolute === "/proc" || absolute === "/dev" || absolute === "/etc") {
    throw new SandboxError(
      "INVALID_ARGUMENT",
      `The host path ${absolute} can't be shown whole: name what is needed below it.`,
      {
        operation: "create",
        path: absolute,
      },
    );
  }
  return absolute;
}

function writeEtc(etc: string): void {
  for (const name of readdirSync("/etc"))
    if (ETC.test(name)) copyReadable(join("/etc", name), join(etc, name));
  for (const name of CERTIFICATES) {
    if (!existsSync(join("/etc", name))) continue;
    mkdirSync(dirname(join(etc, name)), { recursive: true });
    copyReadable(join("/etc", name), join(etc, name));
  }
  const files = {
    passwd: `root:x:0:0:root:/root:/bin/sh\nsandbox:x:${SANDBOX_ID}:${SANDBOX_ID}:sandbox:/home/sandbox:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n`,
    group: `root:x:0:\nsandbox:x:${SANDBOX_ID}:\nnogroup:x:65534:\n`,
    hosts: "127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost\n",
    hostname: "sandbox\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "resolv.conf": `nameserver ${NAMESERVER}\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(etc, name), text);
}

/** Only what everybody may read, and no private key, whoever we are. */
function copyReadable(from: string, to: string): void {
  const stat = lstatSync(from);
  if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else if (stat.isDirectory() && (stat.mode & 0o005) === 0o005) {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from)) copyReadable(join(from, name), join(to, name));
  } else if (
    stat.isFile() &&
    (stat.mode & 0o004) !== 0 &&
    !(/\.(pem|key)$/.test(from) && holdsPrivateKey(from))
  ) {
    copyFileSync(from, to);
  }
}

function showCertificates(root: string): void {
  for (const name of CERTIFICATE_VARIABLES) {
    const path = process.env[name];
    if (
      !path?.startsWith("/") ||
      !existsSync(path) ||
      existsSync(join(root, path)) ||
      path.startsWith("/usr/")
    )
      continue;
    if (!statSync(path).isFile() || holdsPrivateKey(path)) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(path, join(root, path));
    chmodSync(join(root, path), 0o644);
  }
}

function holdsPrivateKey(path: string): boolean {
  return readFileSync(path).includes("PRIVATE KEY-----");
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
