import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildLibrary } from "../support/build.js";
import { hostFiles } from "../support/scratch.js";
import { describeLocal } from "./base-sandbox.js";

/** In a thread where whatever belongs to the whole process throws. */
const program = `
  const { parentPort, workerData } = require("node:worker_threads");
  for (const name of ["umask", "chdir", "setuid", "setgid"])
    process[name] = () => { throw new Error("process." + name + " was called"); };
  (async () => {
    const before = JSON.stringify(process.env);
    const { Sandbox } = await import(workerData.index);
    const sandbox = await Sandbox.create({ engine: "local", network: "off" });
    await sandbox.refreshFromHost(workerData.host, "/workspace/in");
    await sandbox.writeFile("written", "x", { mode: 0o640 });
    const { stdout } = await sandbox.exec("cat in/file written; stat -c %a in/file written");
    for (let twice = 0; twice < 2; twice++)
      await sandbox.exportDirectory("/workspace", workerData.host + "-out");
    const fork = await sandbox.fork();
    await fork.close();
    await sandbox.close();
    return { stdout, sameEnv: JSON.stringify(process.env) === before };
  })().then((came) => parentPort.postMessage(came), (error) => parentPort.postMessage(String(error.stack)));
`;

describeLocal("in a worker thread", () => {
  let library: Awaited<ReturnType<typeof buildLibrary>>;
  beforeAll(async () => {
    library = await buildLibrary();
  });
  afterAll(() => library?.remove());

  test("commands, files, import and export work, and nothing sets what belongs to the process", async () => {
    const host = await hostFiles({ file: "brought " });
    const worker = new Worker(program, {
      eval: true,
      trackUnmanagedFds: false,
      workerData: { index: library.index, host },
    });
    const [came] = await once(worker, "message");
    await worker.terminate();
    expect(came).toEqual({ stdout: "brought x644\n640\n", sameEnv: true });
  });
});
