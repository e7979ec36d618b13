import { expect, test } from "vitest";
import { dagger } from "../../src/engines/dagger/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { validate } from "../../src/validation/validate.js";
import { runCli } from "../support/cli.js";
import { describeVictims } from "../support/dagger-victim.js";
import { daggerBase } from "../support/engine-dagger.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { within } from "../support/within.js";

describeVictims("a pool of engines", 2, (one, ...[other]) => {
  const addresses = [one.address, other?.address as string];
  const pool = () => dagger({ engines: addresses });
  const create = (engine: ReturnType<typeof dagger>) => Sandbox.create({ engine, ...daggerBase() });
  const bothRun = async () => {
    await one.start();
    await other?.start();
  };

  test("spreads sandboxes, keeps forks beside their parent, and goes on without an engine that ends", async () => {
    await using engine = pool();
    const sandboxes = await Promise.all(Array.from({ length: 4 }, () => create(engine)));
    const forks = await Promise.all(sandboxes.map((sandbox) => sandbox.fork()));
    await one.end();
    const outcomes = (all: readonly Sandbox[]) =>
      Promise.all(
        all.map((sandbox) =>
          sandbox.exec("echo fine").then(
            ({ stdout }) => stdout,
            ({ code, message }) => `${code} ${message.includes(one.address)}`,
          ),
        ),
      );
    const ended = await within(outcomes(sandboxes), 15_000);
    expect([...ended].sort()).toEqual(["ENGINE_LOST true", "ENGINE_LOST true", "fine\n", "fine\n"]);
    expect(await outcomes(forks)).toEqual(ended);
    const fresh = await Promise.all([create(engine), create(engine)]);
    expect(await outcomes(fresh)).toEqual(["fine\n", "fine\n"]);
    await bothRun();
    const later = await Promise.all(Array.from({ length: 2 }, () => create(engine)));
    expect(await outcomes(later)).toEqual(["fine\n", "fine\n"]);
  });

  test("validates candidates on all of them, and ends with a verdict for each when one is killed midway", async () => {
    await using engine = pool();
    const config = {
      ...{ setup: "date > installed", build: "cp installed built" },
      checks: {
        first: "test -s built; echo ready; sleep 4",
        second: { needs: ["first"], run: "test -s built" },
      },
    };
    const directories = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        hostFiles({ "forkbox.yaml": JSON.stringify(config), "package.json": `{"name":"app-${index}"}` }),
      ),
    );
    let ready = 0;
    const report = await validate({
      ...{ engine, ...daggerBase(), directories, jobs: 8, out: await hostDirectory() },
      onEvent(event) {
        if (event.type === "step-output" && event.text.includes("ready") && ++ready === 1) void one.end();
      },
    });
    await bothRun();
    expect(report.candidates.map(({ verdict }) => verdict)).toEqual(Array(8).fill("passed"));
    expect(report).toMatchObject({ passed: true, exitCode: 0 });
    const lost = report.candidates.filter(({ warnings }) =>
      warnings.some((text) => text.includes("lost during")),
    );
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThan(8);
    for (const { stages, checks } of lost)
      expect([...stages, ...checks].some(({ rerun }) => rerun)).toBe(true);
  }, 240_000);

  test("is chosen by --engines, and does without one that is not there", async () => {
    await bothRun();
    const from = Object.entries(daggerBase().base ?? {}).flatMap((kind) => ["--base", kind.join("=")]);
    const missing = "unix:///nowhere/engine.sock";
    const args = ["exec", "--engines", missing, "--engines", one.address, ...from, "--", "echo", "hello"];
    expect(await runCli(args)).toMatchObject({ exitCode: 0, stdout: "hello\n" });
  });

  test("none of which answers is ENGINE_UNAVAILABLE, with what is wrong with each and what to do", async () => {
    await one.end();
    await other?.end();
    await using engine = pool();
    const error = await within(expectCode(create(engine), "ENGINE_UNAVAILABLE"), 10_000);
    for (const address of addresses) expect(error.message).toContain(address);
    expect(error.message).toMatch(/Start that engine, or name another/);
    await bothRun();
  });
});
