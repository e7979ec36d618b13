import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Capabilities, Engine } from "../../../src/engine.js";
import { type Candidate, makePlan } from "../../../src/validation/plan.js";
import { CandidateContext, type Run } from "../../../src/validation/run/context.js";
import { Emitter } from "../../../src/validation/run/emitter.js";
import { Slots } from "../../../src/validation/run/slots.js";
import type { ValidateSpec } from "../../../src/validation/types.js";
import { expectCode, expectThrow } from "../../support/errors.js";
import { hostFiles } from "../../support/scratch.js";

const checks = { a: "true" };

async function planned(spec: ValidateSpec = {}): Promise<Candidate> {
  const directory = await hostFiles({ "forkbox.yaml": JSON.stringify({ checks }) });
  const { candidates } = await makePlan({ directories: [directory], ...spec });
  const [candidate] = candidates;
  if (candidate === undefined || "error" in candidate) throw new Error("it was not planned");
  return candidate;
}

describe("a plan", () => {
  test("runs as many steps at once as there are CPUs, but no fewer than four", async () => {
    const directories = [await hostFiles({ "forkbox.yaml": JSON.stringify({ checks }) })];
    expect((await makePlan({ directories })).jobs).toBe(Math.max(4, availableParallelism()));
    expect((await makePlan({ directories, jobs: 2 })).jobs).toBe(2);
  });

  test("takes of each limit the tighter one, a default of the engine's included", async () => {
    const config = { checks, limits: { memoryMiB: 900, processes: 5000, cpus: 2, outputBytes: 1000 } };
    const { create } = await planned({ config, limits: { memoryMiB: 512, diskMiB: 100, cpus: 4 } });
    const tighter = { memoryMiB: 512, processes: 1024, cpus: 2, outputBytes: 1000, diskMiB: 100 };
    expect(create.limits).toEqual(tighter);
  });

  test("lets a flag overrule the operator's config", async () => {
    const config = { checks, user: "root", network: "on", engine: "dagger", out: "/elsewhere" } as const;
    const candidate = await planned({
      config,
      user: "sandbox",
      network: "off",
      engine: "local",
      out: "/here",
    });
    expect(candidate.create).toMatchObject({ user: "sandbox", engine: "local" });
    expect(candidate.environment.networkOf(candidate.config.checks[0] as never)).toBe("off");
    expect(candidate.out).toBe(join("/here", candidate.name));
    const alone = await planned({ config });
    expect(alone.create).toMatchObject({ user: "root", engine: "dagger" });
    expect(alone.out).toBe(join("/elsewhere", alone.name));
  });

  test("imports neither its artifacts nor its reports, whatever their names match as globs", async () => {
    const directory = await hostFiles({ "forkbox.yaml": JSON.stringify({ checks }) });
    const spec = {
      out: join(directory, "[out]"),
      reports: { json: join(directory, "r.json"), junit: "/r.xml" },
    };
    const { candidates } = await makePlan({ directories: [directory], ...spec });
    expect((candidates[0] as Candidate).exclude).toEqual([
      ...["*/**/.git", "forkbox-out", "\\[out\\]", "r.json"],
    ]);
  });

  test("brings the git repository unless the operator, or what his config imports, leaves it out", async () => {
    const git = async (spec: ValidateSpec, sources: object) => {
      const config = { checks, sources };
      const { candidates } = await makePlan({ directories: [await hostFiles({ a: "" })], config, ...spec });
      return (candidates[0] as Candidate).git;
    };
    expect(await git({}, {})).toBe(true);
    expect(await git({ git: false }, {})).toBe(false);
    expect(await git({}, { git: false })).toBe(false);
    expect(await git({ git: true }, { git: false })).toBe(true);
    for (const exclude of [[".git"], ["**/.git"], [".g*"]]) expect(await git({}, { exclude })).toBe(false);
    expect(await git({}, { exclude: ["secrets"] })).toBe(true);
    expect(await git({}, { include: ["src"] })).toBe(false);
    expect(await git({}, { include: ["src", ".git"] })).toBe(true);
    expect(await git({}, { include: ["**"] })).toBe(true);
  });

  test("counts DATABRICKS_TOKEN as a secret wherever it comes from", async () => {
    const { environment, config } = await planned({ env: { DATABRICKS_TOKEN: "dapi-12345678", HOST: "h" } });
    expect(environment.of("check", config.checks[0] as never)).toEqual({
      env: { CI: "1", HOST: "h" },
      secrets: { DATABRICKS_TOKEN: "dapi-12345678" },
    });
    expect(environment.allSecrets).toContain("dapi-12345678");
  });

  test.each<[string, object]>([
    ["no jobs", { jobs: 0 }],
    ["half a repetition", { repeat: 0.5 }],
    ["a negative timeout", { timeoutMs: -1 }],
    ["a timeout that is no number", { timeoutMs: Number.NaN }],
    ["an option that isn't there", { failfast: true }],
    ["a config that is missing", { config: "/no/such/config.yaml" }],
    ["a config that is wrong", { config: { checks: { a: { needs: [] } } } }],
  ])("refuses %s", async (_, spec) => {
    await expectCode(planned(spec as ValidateSpec), "INVALID_ARGUMENT");
  });
});

describe("the network of steps", () => {
  const run = (): Run => ({
    ...{ emitter: new Emitter(undefined, undefined as never, () => {}), slots: new Slots(1) },
    ...{ repeat: 1, fresh: false, setups: new Map() },
  });
  const engine = { name: "x" } as Engine;
  const never = { signal: new AbortController().signal, failFast: () => {} };

  async function context(network: Partial<Capabilities["network"]>, spec: ValidateSpec = {}) {
    const candidate = await planned({ config: { setup: "x", checks }, ...spec });
    const can = { network: { on: true, off: true, host: true, ...network } } as Capabilities;
    return () => new CandidateContext(run(), candidate, { engine, can }, never);
  }
  const networks = (made: CandidateContext) => {
    const { setup, checks } = made.candidate.config;
    return [made.networkOf("setup", setup as never), made.networkOf("check", checks[0] as never)];
  };

  test("is on in setup and off in checks", async () => {
    const made = (await context({}))();
    expect(networks(made)).toEqual(["on", "off"]);
    expect(made.warnings).toEqual([]);
  });

  test("gives way where the engine can't, and says so once", async () => {
    const made = (await context({ off: "it never can." }))();
    expect([...networks(made), ...networks(made)]).toEqual(["on", "on", "on", "on"]);
    expect(made.warnings).toEqual([
      "checks run with network on: the engine x can't have it off here: it never can.",
    ]);
    expect(networks((await context({ on: "no slirp4netns." }))())).toEqual(["off", "off"]);
  });

  test("that was asked for and can't be had is UNSUPPORTED, by flag or by check", async () => {
    const error = expectThrow(await context({ off: "it never can." }, { network: "off" }), "UNSUPPORTED");
    expect(error.message).toContain("it never can.");
    const config = { checks: { a: { run: "true", network: "off" as const } } };
    expectThrow(await context({ off: "it never can." }, { config }), "UNSUPPORTED");
  });
});
