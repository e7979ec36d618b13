import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { affordableJobs } from "../../../../src/validation/run/open-files.js";

const source = fileURLToPath(new URL("../../../../src/validation/run/open-files.ts", import.meta.url));

/** What a process that may have so many open files would run at once, of 16. */
function under(openFiles: number): number {
  const script = `import { affordableJobs } from ${JSON.stringify(source)}; console.log(affordableJobs(16));`;
  const node = [
    process.execPath,
    "--import",
    import.meta.resolve("tsx"),
    "--input-type=module",
    "-e",
    script,
  ];
  return Number(
    execFileSync("prlimit", [`--nofile=${openFiles}:${openFiles}`, "--", ...node], { encoding: "utf8" }),
  );
}

describe.runIf(process.platform === "linux")("steps at once", () => {
  it("are as many as were asked for where there are open files enough", () => {
    expect(affordableJobs(3)).toBe(3);
    expect(under(4096)).toBe(16);
  });

  it("are fewer where there are few, and never none", () => {
    expect(under(200)).toBeGreaterThan(1);
    expect(under(200)).toBeLessThan(16);
    expect(under(110)).toBe(1);
  });
});
