import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Base, OpenOptions } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { readAttributes } from "./attributes.js";
import { asking, QueryFailure, unsupported } from "./errors.js";
import { as, call, type Step } from "./graphql.js";
import { MOUNT } from "./scripts.js";
import type { QueryOptions } from "./session.js";
import { type BaseInfo, DaggerSnapshot } from "./snapshot.js";
import type { Workspace } from "./workspace.js";

const operation = "create";
const UID = { sandbox: "1000", root: "0" } as const;

/** A first snapshot: the base, with a user to run as, its home, and the workdir. */
export async function openBase(
  workspace: Workspace,
  base: Base,
  options: OpenOptions,
): Promise<DaggerSnapshot> {
  const asked: QueryOptions = { operation, signal: options.signal };
  await requireOnHost(base);
  return asking(operation, undefined, async () => {
    const steps = await baseSteps(workspace, base, asked);
    const uid = UID[options.user];
    const prepare: Step[] = [
      ...steps,
      call("withUser", { name: "0:0" }),
      call("withWorkdir", { path: "/" }),
      call("withMountedDirectory", { path: MOUNT, source: await workspace.tools(asked) }),
      call("withExec", { args: ["/bin/sh", `${MOUNT}/prepare`, uid, options.workdir], noInit: true }),
    ];
    const user = call("withUser", { name: options.user === "root" ? "0:0" : uid });
    const fields = `${ioText("report")} ${ioText("attributes")} ${user.text}{id}`;
    const ready = await workspace.session
      .run<{ report: { contents: string }; attributes: { contents: string }; withUser: { id: string } }>(
        prepare,
        fields,
        asked,
      )
      .catch((error) => {
        throw explain(error, options.workdir);
      });
    const container = ready.withUser.id;
    const info = readReport(ready.report.contents, uid, JSON.stringify(base), container);
    const known = readAttributes(ready.attributes.contents);
    return new DaggerSnapshot(workspace, container, info, options.user, new Map(), [], known, 0, 0);
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

function readReport(report: string, uid: string, key: string, container: string): BaseInfo {
  const lines = new Map(report.split("\n").map((line) => splitOnce(line)));
  const missing = lines.get("missing");
  if (missing !== "" || !lines.has("fullblock")) {
    const what = missing || "a dd that knows iflag=fullblock";
    throw unsupported(
      operation,
      `the image lacks ${what}, which forkbox needs in it to run commands. Use an image with coreutils or busybox.`,
    );
  }
  return {
    key,
    container,
    owner: `${uid}:${lines.get("gid")}`,
    environment: { HOME: lines.get("home") ?? "/", ...(lines.has("nolang") && { LANG: "C.UTF-8" }) },
    fractions: lines.has("fractions"),
    reported: lines.get("reported")?.split(" ") ?? [],
  };
}

function ioText(name: string): string {
  return as(name, call("file", { path: `${MOUNT}/io/${name}` }), "{contents}");
}

function splitOnce(line: string): [string, string] {
  const space = line.indexOf(" ");
  return space === -1 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
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
