import { spawn } from "node:child_process";
import { buffer } from "node:stream/consumers";
import type { Support } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { findTool, installCommand } from "../doctor/tools.js";

/** Whether images can be fetched here, or what to do. */
export function imageSupport(): Support {
  if (findTool("skopeo")) return true;
  return `it fetches images with skopeo, which is not installed: run \`${installCommand(["skopeo"])}\`. Or save the image elsewhere (\`skopeo copy docker://IMAGE oci-archive:image.tar\`, \`docker save -o image.tar IMAGE\`) and give { archive: "image.tar" } (--base archive=image.tar); or use the Dagger engine.`;
}

/** Whether Dockerfiles can be built here, or what to do. */
export function dockerfileSupport(): Support {
  if (findTool("buildah")) return true;
  return `it builds Dockerfiles with buildah, which is not installed: run \`${installCommand(["buildah"])}\`. Or build the image elsewhere, save it (\`docker save -o image.tar IMAGE\`) and give { archive: "image.tar" } (--base archive=image.tar); or use the Dagger engine.`;
}

/** Refuses in the words of the capabilities. */
export function requireTool(base: string, support: Support): void {
  if (support === true) return;
  throw new SandboxError("UNSUPPORTED", `create: the base ${base} can't be used here: ${support}`, {
    operation: "create",
  });
}

/**
 * Runs a program of the machine for `what` and gives what it printed. It ends with this process, even a killed
 * one.
 */
export async function runTool(what: string, program: string, args: readonly string[]): Promise<Buffer> {
  const path = findTool(program) ?? program;
  const child = spawn("setpriv", ["--pdeathsig", "TERM", path, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [status, stdout, stderr] = await Promise.all([ended, buffer(child.stdout), buffer(child.stderr)]);
  if (status === 0) return stdout;
  const said = stderr.toString().trim().split("\n").slice(-5).join("\n").slice(-2000);
  const missing = /manifest unknown|name unknown/i.test(said);
  throw new SandboxError(
    missing ? "NOT_FOUND" : "ENGINE_ERROR",
    `create: ${what} could not be had: ${program} ${args[0]} ended with ${status ?? "a signal"}: ${said || "it said nothing"}`,
    { operation: "create" },
  );
}
