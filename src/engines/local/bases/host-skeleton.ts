import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lchownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { User } from "../../../engine.js";
import { SANDBOX_ID } from "../holder/ids.js";
import { isWithin } from "../state/places.js";
import { makeDirectories } from "../state/state.js";
import type { HostView } from "./host-view.js";

/** Where the user-mode network stack answers DNS. */
export const NAMESERVER = "10.0.2.3";

/** Links to directories of /usr, where they are not directories of their own. */
export const MERGED = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
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
export const CERTIFICATE_VARIABLES = [
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "CURL_CA_BUNDLE",
  "REQUESTS_CA_BUNDLE",
  "PIP_CERT",
  "GIT_SSL_CAINFO",
  "CARGO_HTTP_CAINFO",
];

/**
 * Beside an IPv4 network without IPv6, libraries that are asked for usable addresses (AI_ADDRCONFIG) leave out ::1,
 * and others give it first: a server and its client would not meet. So it has a name of its own.
 */
export const HOSTS = "127.0.0.1 localhost sandbox\n::1 ip6-localhost ip6-loopback\n";

/** What else is in its /etc, instead of the host's own. */
const FILES = {
  passwd: `root:x:0:0:root:/root:/bin/sh\nsandbox:x:${SANDBOX_ID}:${SANDBOX_ID}:sandbox:/home/sandbox:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n`,
  group: `root:x:0:\nsandbox:x:${SANDBOX_ID}:\nnogroup:x:65534:\n`,
  hosts: HOSTS,
  hostname: "sandbox\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
  "resolv.conf": `nameserver ${NAMESERVER}\n`,
};

/** A string that changes when anything does that goes into the skeleton. */
export function identifyHostSkeleton(view: HostView, user: User): string {
  const shown = view.shown.map(({ at, from }) => [at, statSync(from).isDirectory()]);
  const hash = createHash("sha256");
  hash.update(JSON.stringify([user, shown, view.hidden, view.links, FILES]));
  const add = (path: string, stat: Stats | undefined) => {
    hash.update(`${path}\0${stat?.ino} ${stat?.mode} ${stat?.size} ${stat?.mtimeMs} ${stat?.ctimeMs}\n`);
  };
  const addAll = (path: string) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    add(path, stat);
    if (stat?.isDirectory() && isPublicDirectory(stat))
      for (const name of readdirSync(path)) addAll(join(path, name));
  };
  for (const path of MERGED) add(path, lstatSync(path, { throwIfNoEntry: false }));
  for (const { at, from } of view.copies) add(at, lstatSync(from, { throwIfNoEntry: false }));
  for (const name of etcNames()) addAll(join("/etc", name));
  for (const path of certificateFiles()) add(path, statSync(path));
  return hash.digest("hex");
}

/**
 * The directories and files of /etc that a program expects, in the directory `tree` that becomes the lowest layer;
 * and beside it what is shown instead of each hidden directory.
 */
export function writeHostSkeleton(
  draft: string,
  view: HostView,
  user: User,
  owner?: { uid: number; gid: number },
): void {
  const root = join(draft, "tree");
  writeTree(root);
  writePlaces(draft, view);
  if (owner) giveTo(owner, user === "root" ? root : join(root, "home/sandbox"));
}

/** Where what is shown instead of a hidden directory lies, in the directory of the skeleton. */
export function hiddenPlace(directory: string, index: number): string {
  return join(directory, "hidden", String(index));
}

function writeTree(root: string): void {
  for (const path of ["/proc", "/dev", "/etc", "/run", "/var/tmp", "/tmp", "/root", "/home/sandbox"]) {
    makeDirectories(join(root, path), 0o755);
  }
  for (const path of ["/tmp", "/var/tmp"]) chmodSync(join(root, path), 0o1777);
  for (const path of MERGED) if (isLink(path)) symlinkSync(readlinkSync(path), join(root, path));
  writeEtc(join(root, "etc"));
  showCertificates(root);
}

/** What is mounted on, and links, where no part of the host is shown that has them. */
function writePlaces(draft: string, { shown, hidden, copies, links }: HostView): void {
  hidden.forEach((_, index) => {
    makeDirectories(hiddenPlace(draft, index), 0o755);
  });
  const place = (path: string): string | undefined => {
    const cover = hidden.findIndex((at) => isWithin(path, at));
    const made =
      cover === -1
        ? join(draft, "tree", path)
        : join(hiddenPlace(draft, cover), path.slice(hidden[cover]?.length));
    if (cover === -1 && shown.some(({ at }) => at !== path && isWithin(path, at))) return undefined;
    makeDirectories(dirname(made), 0o755);
    return made;
  };
  for (const { at, from } of shown) {
    const made = place(at);
    if (made && statSync(from).isDirectory()) makeDirectories(made, 0o755);
    else if (made) writeFileSync(made, "");
  }
  for (const { at, from } of copies) {
    const made = place(at);
    if (made) copyFileSync(from, made);
  }
  for (const { at, target } of links) {
    const made = place(at);
    if (made) symlinkSync(target, made);
  }
}

function giveTo(owner: { uid: number; gid: number }, path: string): void {
  lchownSync(path, owner.uid, owner.gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTo(owner, join(path, name));
}

function writeEtc(etc: string): void {
  for (const name of etcNames()) {
    makeDirectories(dirname(join(etc, name)), 0o755);
    copyReadable(join("/etc", name), join(etc, name));
  }
  for (const [name, text] of Object.entries(FILES)) {
    writeFileSync(join(etc, name), text);
    chmodSync(join(etc, name), 0o644);
  }
}

/** Below /etc. */
function etcNames(): string[] {
  return [
    ...readdirSync("/etc").filter((name) => ETC.test(name)),
    ...CERTIFICATES.filter((name) => existsSync(join("/etc", name))),
  ];
}

/** Only what everybody may read, and no private key, whoever we are. */
function copyReadable(from: string, to: string): void {
  const stat = lstatSync(from);
  if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else if (stat.isDirectory() && isPublicDirectory(stat)) {
    makeDirectories(to, 0o755);
    for (const name of readdirSync(from)) copyReadable(join(from, name), join(to, name));
  } else if (
    stat.isFile() &&
    (stat.mode & 0o004) !== 0 &&
    !(/\.(pem|key)$/.test(from) && holdsPrivateKey(from))
  ) {
    copyFileSync(from, to);
  }
}

function isPublicDirectory({ mode }: Stats): boolean {
  return (mode & 0o005) === 0o005;
}

function showCertificates(root: string): void {
  for (const path of certificateFiles()) {
    if (existsSync(join(root, path)) || holdsPrivateKey(path)) continue;
    makeDirectories(dirname(join(root, path)), 0o755);
    copyFileSync(path, join(root, path));
    chmodSync(join(root, path), 0o644);
  }
}

/** Those that the caller's environment names, outside of /usr. */
function certificateFiles(): string[] {
  const named = CERTIFICATE_VARIABLES.map((name) => process.env[name]);
  return named.filter(
    (path): path is string =>
      !!path?.startsWith("/") &&
      !path.startsWith("/usr/") &&
      (statSync(path, { throwIfNoEntry: false })?.isFile() ?? false),
  );
}

function holdsPrivateKey(path: string): boolean {
  return readFileSync(path).includes("PRIVATE KEY-----");
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
