import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../../src/validation/types.js";
import { runCli } from "../support/cli.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { describeValidation } from "../support/validating.js";

const THREADS = `import threading, time
threads = [threading.Thread(target=time.sleep, args=(2,)) for _ in range(200)]
[thread.start() for thread in threads]
`;

await describeValidation("a check that meets the limit of processes", () => {
  test("is told so on the terminal, in JSON and in JUnit", async () => {
    const project = await hostFiles({
      "t.py": THREADS,
      "forkbox.yaml": JSON.stringify({ checks: { threads: "python3 t.py", other: "exit 1" } }),
    });
    const out = await hostDirectory();
    const files = { json: join(out, "r.json"), junit: join(out, "r.xml") };
    const reports = ["--report", `json=${files.json}`, "--report", `junit=${files.junit}`];
    const args = ["validate", project, "--processes", "64", "--memory-mib", "512", "--out", join(out, "out")];
    const { exitCode, stdout } = await runCli([...args, ...reports]);
    const said = "exit code 1; it met the limit of 64 processes (--processes)";
    expect(exitCode).toBe(1);
    expect(stdout).toContain(`✖ threads: ${said}\n`);
    expect(stdout).toMatch(/^✖ other: exit code 1$/m);
    const { candidates } = JSON.parse(await readFile(files.json, "utf8")) as Report;
    const [threads, other] = candidates[0]?.checks ?? [];
    expect(threads).toMatchObject({ verdict: "failed", reason: said, limitsMet: ["processes"] });
    expect(other?.limitsMet).toBeUndefined();
    expect(await readFile(files.junit, "utf8")).toContain(said);
  });
});
