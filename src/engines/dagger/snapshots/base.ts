import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Base, OpenOptions } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { becoming } from "../commands/become.js";
import { MOUNT } from "../commands/scripts.js";
import { readAttributes } from "../files/attributes.js";
import { splitOnce } from "../files/split-once.js";
import { asking, QueryFailure, unsupported } from "../session/errors.js";
import { as, call, type Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { Workspace } from "../staging/workspace.js";
import { type BaseInfo, DaggerSnapshot } from "./snapshot.js";

const operation = "create";
/** What an image that sets none has, as Docker and Dagger say. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const UID = { sandbox: "1000", root: "0" } as const;

interface Variable {
  name: string;
  value: string;
}

/** A first snapshot: the base, with a user to run as, its home, and the workdir. */
export async function openBase(
  workspace: Workspace,
  base: Base,
  options: OpenOptions,
): Promise<DaggerSnapshot> {
  const asked: QueryOptions = { operation, signal: options.signal };
  await requireOnHost(base);
  return asking(operation, undefined, async () => {
    const uid = UID[options.user];
    // A container of its own for the image's files: what else the image sets (user, variables, workdir) is for
    // commands, and root's scripts run without it.
    const image = await workspace.session.run<{ envVariables: readonly Variable[]; rootfs: { id: string } }>(
      await baseSteps(workspace, base, asked),
      "envVariables{name value} rootfs{id}",
      asked,
    );
    const prepare: Step[] = [
      call("container"),
      call("withRootfs", { directory: image.rootfs.id }),
      call("withMountedDirectory", { path: MOUNT, source: await workspace.tools(asked) }),
      call("withExec", { args: ["/bin/sh", `${MOUNT}/prepare`, uid, options.workdir], noInit: true }),
    ];
    const fields = `${mounted("report")} ${mounted("attributes")} id`;
    const ready = await workspace.session
      .run<{ report: { contents: string }; attributes: { contents: string }; id: string }>(
        prepare,
        fields,
        asked,
      )
      .catch((error) => {
        throw explain(error, options.workdir);
      });
    const info = readReport(ready, uid, JSON.stringify(base), image.envVariables);
    const known = readAttributes(ready.attributes.contents, info.reported);
    return new DaggerSnapshot({
      workspace,
      container: ready.id,
      base: info,
      caches: new Map(),
      staged: [],
      known,
      layers: 0,
      steps: 0,
    });
  });
}

/** A string that changes when the base's content does. */
export async function identifyBase(workspace: Workspace, base: Base, signal?: AbortSignal): Promise<string> {
  const asked: QueryOptions = { operation, signal };
  await requireOnHost(base);
  return asking(operation, undefined, async () => {
    if ("image" in base) {
      const steps = [call("container"), call("from", { address: base.image })];
      return `dagger image ${(await workspace.session.run<{ imageRef: string }>(steps, "imageRef", asked)).imageRef}`;
    }
    const steps = "archive" in base ? archiveFile(base.archive) : hostDirectory(directoryOf(base));
    const { digest } = await workspace.session.run<{ digest: string }>(steps, "digest", asked);
    const build = "dockerfile" in base ? JSON.stringify([base.target, base.buildArgs]) : "";
    return `dagger ${digest} ${build}`;
  });
}

/** A base of this host that is not there is an error of its own, before the engine is asked. */
async function requireOnHost(base: Base): Promise<void> {
  if ("image" in base || "host" in base) return;
  const path = resolve("archive" in base ? base.archive : directoryOf(base));
  try {
    const stats = await stat(path);
    if (stats.isDirectory() !== "archive" in base) return;
  } catch (cause) {
    const message = `create: the base ${path} can't be read: ${(cause as Error).message}.`;
    const code = (cause as NodeJS.ErrnoException).code === "EACCES" ? "PERMISSION" : "NOT_FOUND";
    throw new SandboxError(code, message, { operation, path, cause });
  }
  const what = "archive" in base ? "is a directory, not an archive" : "is not a directory";
  const code = "archive" in base ? "NOT_A_FILE" : "NOT_A_DIRECTORY";
  throw new SandboxError(code, `create: the base ${path} ${what}.`, { operation, path });
}

async function baseSteps(workspace: Workspace, base: Base, asked: QueryOptions): Promise<Step[]> {
  if ("image" in base) return [call("container"), call("from", { address: base.image })];
  if ("dockerfile" in base) {
    const buildArgs = Object.entries(base.buildArgs ?? {}).map(([name, value]) => ({ name, value }));
    const target = base.target === undefined ? {} : { target: base.target };
    return [...hostDirectory(base.dockerfile), call("dockerBuild", { ...target, buildArgs })];
  }
  if ("archive" in base) {
    const { id } = await workspace.session.run<{ id: string }>(archiveFile(base.archive), "id", asked);
    return [call("container"), call("import", { source: id })];
  }
  const id = await workspace.hostDirectory(resolve(directoryOf(base)), asked);
  return [call("container"), call("withRootfs", { directory: id })];
}

function hostDirectory(path: string): Step[] {
  return [call("host"), call("directory", { path: resolve(path), noCache: true })];
}

function archiveFile(path: string): Step[] {
  return [call("host"), call("file", { path: resolve(path), noCache: true })];
}

function directoryOf(base: Base): string {
  if ("rootfs" in base) return base.rootfs;
  if ("dockerfile" in base) return base.dockerfile;
  throw unsupported(
    operation,
    "the base {host} is of the local engine only. Name an {image}, {dockerfile}, {rootfs} or {archive}.",
  );
}

function readReport(
  { report, id: container }: { report: { contents: string }; id: string },
  uid: string,
  key: string,
  variables: readonly Variable[],
): BaseInfo {
  const lines = new Map(report.contents.split("\n").map((line) => splitOnce(line, " ")));
  const missing = lines.get("missing");
  if (!lines.has("missing") || missing || !lines.has("fullblock")) {
    const what = missing || "a dd that knows iflag=fullblock";
    throw unsupported(
      operation,
      `the image lacks ${what}, which forkbox needs in it to run commands. Use an image with coreutils or busybox.`,
    );
  }
  const owner = `${uid}:${lines.get("gid")}`;
  const become = becoming(lines.get("become"), owner);
  if (!become) {
    const what = "the image lacks a chroot with --userspec (coreutils) and a su that works (BusyBox)";
    throw unsupported(operation, `${what}: forkbox needs one of them to run commands as the sandbox's user.`);
  }
  const environment = Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  return {
    key,
    container,
    owner,
    become,
    environment: { PATH: DEFAULT_PATH, LANG: "C.UTF-8", ...environment, HOME: lines.get("home") ?? "/" },
    fractions: lines.has("fractions"),
    reported: lines.get("reported")?.split(" ") ?? [],
  };
}

function mounted(name: string): string {
  return as(name, call("file", { path: `${MOUNT}/${name}` }), "{contents}");
}

function explain(error: unknown, workdir: string): unknown {
  if (!(error instanceof QueryFailure)) return error;
  if (error.extensions._type !== "EXEC_ERROR") return error;
  const { stderr } = error.extensions;
  if (/no such file or directory|not found/.test(error.message) || stderr === "") {
    return unsupported(operation, "the image has no /bin/sh, which forkbox needs in it to run commands.");
  }
  return new SandboxError(
    "ENGINE_ERROR",
    `create: the workdir ${workdir} or the user can't be made: ${stderr}`,
    {
      operation,
      path: workdir,
      cause: error,
    },
  );
}
