import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { Sandbox } from "../src/index.js";
import { CannotRun, type Group } from "./group.js";
import { interleave, timed } from "./measure.js";

const SERVER = `require("node:http").createServer((_, response) => response.end("ok"))
  .listen(Number(process.argv[1]), "127.0.0.1", function () { console.log(this.address().port); });`;
const FORKS = 16;

export const services: Group = {
  rows: ["service-url", "service-16-forks"],
  async measure() {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    const start = { name: "web", ready: { port: 3000 }, publish: true } as const;
    const one = await interleave(15, {
      ours: async () => {
        await using fork = await sandbox.fork();
        return await timed(async () =>
          ask((await fork.start(["node", "-e", SERVER, "3000"], start)).url as string),
        );
      },
      floor: () => timed(() => onHost(1)),
    });
    await sandbox.start(["node", "-e", SERVER, "3000"], start);
    const many = await interleave(5, {
      ours: async () => {
        const forks = await Promise.all(Array.from({ length: FORKS }, () => sandbox.fork()));
        const took = await timed(() =>
          Promise.all(forks.map((fork) => ask(fork.service("web").url as string))),
        );
        await Promise.all(forks.map((fork) => fork.close()));
        return took;
      },
      floor: () => timed(() => onHost(FORKS)),
    });
    return {
      "service-url": { ours: one.ours, floor: one.floor },
      "service-16-forks": { ours: many.ours, floor: many.floor },
    };
  },
};

export const postgres: Group = {
  rows: ["service-postgres"],
  async measure() {
    const programs = directoryOfPostgres();
    if (programs === undefined) throw new CannotRun("PostgreSQL is not installed: install postgresql-15");
    const env = { PATH: `${programs}:/usr/bin:/bin` };
    await using blank = await Sandbox.create({ engine: "local", network: "off", env });
    await using sandbox = await blank.fork();
    const start = { name: "db", ready: { port: 5432 } } as const;
    const server = "exec postgres -D data -k /tmp";
    const query =
      "until psql -h localhost -U postgres -tAqc 'select count(*) from t' postgres; do sleep 0.01; done";
    await must(sandbox, "initdb -D data -U postgres -A trust");
    const seeding = await sandbox.start(server, start);
    const seed = "create table t as select n, md5(n::text) from generate_series(1, 100000) n";
    await must(sandbox, `psql -h localhost -U postgres -c "${seed}" postgres`);
    await must(sandbox, "pg_dump -h localhost -U postgres postgres > dump.sql");
    const dump = await sandbox.readFile("dump.sql");
    await seeding.stop({ keep: true });
    await sandbox.start(server, start);
    const times = await interleave(8, {
      ours: async () => {
        let fork: Sandbox | undefined;
        const took = await timed(async () => {
          fork = await sandbox.fork();
          await must(fork, query);
        });
        await fork?.close();
        return took;
      },
      floor: async () => {
        await using fork = await blank.fork();
        await fork.writeFile("dump.sql", dump);
        return await timed(async () => {
          await must(fork, "initdb -D data -U postgres -A trust");
          await fork.start(server, start);
          await must(fork, `psql -h localhost -U postgres -q -f dump.sql postgres >/dev/null && ${query}`);
        });
      },
    });
    return { "service-postgres": times };
  },
};

async function must(sandbox: Sandbox, command: string): Promise<void> {
  const { exitCode, stderr } = await sandbox.exec(command, { timeoutMs: 120_000 });
  if (exitCode !== 0) throw new Error(`${command} failed: ${stderr}`);
}

async function ask(url: string): Promise<void> {
  const answer = await fetch(url);
  if ((await answer.text()) !== "ok") throw new Error(`${url} gave another answer`);
}

/** So many servers on the host, at once, until each has answered. */
async function onHost(count: number): Promise<void> {
  const children: ChildProcess[] = [];
  try {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const child = spawn(process.execPath, ["-e", SERVER, "0"], { stdio: ["ignore", "pipe", "inherit"] });
        children.push(child);
        const port = await new Promise<string>((resolve) =>
          child.stdout?.once("data", (data) => resolve(String(data))),
        );
        await ask(`http://127.0.0.1:${port.trim()}`);
      }),
    );
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

function directoryOfPostgres(): string | undefined {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  return versions
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
    .find((at) => existsSync(`${at}/initdb`));
}
