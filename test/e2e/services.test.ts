import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";

const engine = await probeLocal();
const unavailable = "unavailable" in engine ? engine.unavailable : undefined;
const root = join(import.meta.dirname, "../..");

/** Real servers, as people run them: those of this machine, which the host base shows. */
describe("services that people run", () => {
  const postgres = directoryOfPostgres();

  needs(
    "a Postgres is migrated and seeded once, and each fork has its own on 5432",
    postgres,
    "postgresql-15",
    async () => {
      await using sandbox = await Sandbox.create({
        engine: "local",
        network: "off",
        env: { PATH: `${postgres}:/usr/bin:/bin` },
      });
      const run = async (box: Sandbox, command: string) => {
        const { exitCode, stdout, stderr } = await box.exec(command, { timeoutMs: 60_000 });
        expect(exitCode, stderr).toBe(0);
        return stdout.trim();
      };
      const sql = (box: Sandbox, text: string) =>
        run(box, `psql -h localhost -U postgres -tAqc "${text}" postgres`);
      await run(sandbox, "initdb -D data -U postgres -A trust >/dev/null");
      const start = { name: "db", ready: { port: 5432 } } as const;
      const seeding = await sandbox.start("exec postgres -D data -k /tmp", start);
      await sql(
        sandbox,
        "create table users as select n, 'user ' || n as name from generate_series(1, 1000) n",
      );
      await seeding.stop({ keep: true });
      expect(await seeding.exited).toEqual({ reason: "stopped", exitCode: 0 });

      await sandbox.start("exec postgres -D data -k /tmp", start);
      const forks = await Promise.all([1, 2, 3].map(() => sandbox.fork()));
      try {
        const counts = forks.map(async (fork, i) => {
          await sql(fork, `delete from users where n <= ${i * 100}`);
          return sql(fork, "select count(*) from users");
        });
        expect(await Promise.all(counts)).toEqual(["1000", "900", "800"]);
        expect(
          await run(forks[1] as Sandbox, "psql -h db -U postgres -tAqc 'select min(n) from users' postgres"),
        ).toBe("101");
        expect(await sql(sandbox, "select count(*) from users")).toBe("1000");
        // Kept in a fork: its deletions are its own for good.
        const [, , last] = forks as [Sandbox, Sandbox, Sandbox];
        await last.service("db").stop({ keep: true });
        await last.start("exec postgres -D data -k /tmp", start);
        expect(await sql(last, "select count(*) from users")).toBe("800");
      } finally {
        await Promise.all(forks.map((fork) => fork.close()));
      }
    },
  );

  const redis = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].find(existsSync);
  needs("a Redis that is kept is forked with its data", redis, "redis-server", async () => {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    const start = { name: "redis", ready: { port: 6379 } } as const;
    const first = await sandbox.start(`exec ${redis} --dir . --save 3600 1`, start);
    expect((await sandbox.exec("redis-cli -h redis set color green")).stdout).toBe("OK\n");
    await first.stop({ keep: true });
    await sandbox.start(`exec ${redis} --dir . --save 3600 1`, start);
    await using fork = await sandbox.fork();
    expect((await fork.exec("redis-cli get color; redis-cli set color red")).stdout).toBe("green\nOK\n");
    expect((await sandbox.exec("redis-cli get color")).stdout).toBe("green\n");
  });

  const vite = join(root, "node_modules/vite/bin/vite.js");
  needs(
    "a Vite dev server answers through its url and inside",
    existsSync(vite) ? vite : undefined,
    "the npm package vite",
    async () => {
      const base = { host: true, paths: [join(root, "node_modules")] } as const;
      await using sandbox = await Sandbox.create({ engine: "local", network: "off", base });
      await sandbox.writeFiles([
        { path: "index.html", data: '<h1>hello</h1><script type="module" src="/main.ts"></script>' },
        { path: "main.ts", data: "const greeting: string = 'typed';\nconsole.log(greeting);" },
      ]);
      const service = await sandbox.start(`node ${vite} --port 5173`, {
        name: "web",
        ready: { port: 5173, path: "/" },
        publish: true,
      });
      expect(await (await fetch(`${service.url}/`)).text()).toContain("<h1>hello</h1>");
      const main = await (await fetch(`${service.url}/main.ts`)).text();
      expect(main).toContain('const greeting = "typed"');
      const inside =
        "fetch('http://localhost:5173/main.ts').then(r => r.text()).then(t => process.stdout.write(t))";
      expect((await sandbox.exec(["node", "-e", inside])).stdout).toBe(main);
      await service.stop();
    },
  );
});

function directoryOfPostgres(): string | undefined {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  const places = versions.map((version) => `/usr/lib/postgresql/${version}/bin`);
  return places.find((place) =>
    ["initdb", "postgres", "psql"].every((name) => existsSync(join(place, name))),
  );
}

/** What is not there is said at the end of the run. */
function needs(title: string, found: string | undefined, what: string, run: () => Promise<void>): void {
  test(title, async (context) => {
    if (unavailable !== undefined) {
      if (isRequired("local")) expect.fail(unavailable);
      return context.skip(unavailable);
    }
    if (found === undefined) return context.skip(`install ${what} to have this tried`);
    await run();
  }, 120_000);
}
