import {
  createFromKept,
  forgetKept,
  forkWith,
  importSelection,
  keepSandbox,
} from "../../sandbox/internals.js";
import { stopError } from "../../sandbox/queue.js";
import { Sandbox } from "../../sandbox/sandbox.js";
import type { Build, Setup } from "../config/config.js";
import { defaultSetupFiles } from "../detect/setup-files.js";
import { findGit, settleGit } from "../git/repository.js";
import type { StepReport } from "../types.js";
import type { CandidateContext } from "./context.js";
import { Deadline } from "./deadline.js";
import { runInFork } from "./fork-run.js";
import { endOf, Ground, isLost } from "./ground.js";
import { type Outcome, passed } from "./outcome.js";
import { setupKey } from "./setup-key.js";
import { notRunBecause, runStep } from "./step.js";

/** Of what was left out of an import; a candidate decides how many there are. */
const MOST_NAMED = 20;

/** Setup, sources and build, until one does not pass. `built` is what checks fork from, the caller's to close. */
export async function runStages(
  context: CandidateContext,
): Promise<{ stages: StepReport[]; built?: Ground }> {
  const { setup, build } = context.candidate.config;
  const stages: StepReport[] = [];
  const installed = setup && (await runSetup(context, setup));
  if (installed !== undefined) {
    stages.push(installed.report);
    if (installed.end === undefined) return stopped(context, stages);
  }
  const imported = await importSources(context, installed?.end);
  stages.push(imported.report);
  if (imported.end === undefined) {
    await installed?.end?.close();
    return stopped(context, stages);
  }
  const sources = new Ground(imported.end, () => remakeSources(context));
  if (build === undefined) return { stages, built: sources };
  const made = await runBuild(context, build, sources).finally(() => sources.close());
  stages.push(made.report);
  if (made.end === undefined) return { stages };
  return { stages, built: new Ground(made.end, () => remakeBuilt(context, build)) };
}

async function remakeSetup(context: CandidateContext): Promise<Sandbox> {
  const { setup } = context.candidate.config;
  context.warn("what its steps had left was lost with the engine, and made again on one that is there");
  if (setup === undefined) return Sandbox.create(createOptions(context));
  return endOf("setup", await setupFromCacheOrRun(context, setup));
}

async function remakeSources(context: CandidateContext): Promise<Sandbox> {
  const sandbox = await remakeSetup(context);
  try {
    await bringSources(context, sandbox);
    return sandbox;
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

async function remakeBuilt(context: CandidateContext, build: Build): Promise<Sandbox> {
  const sources = await remakeSources(context);
  const built = runInFork(context, context.id("build", "build"), build, sources);
  return endOf("build", await built.finally(() => sources.close()));
}

/** What does not run because the last of the stages did not pass. */
function stopped(context: CandidateContext, stages: StepReport[]): { stages: StepReport[] } {
  const { build } = context.candidate.config;
  const broken = stages.at(-1);
  if (build === undefined || broken === undefined) return { stages };
  return { stages: [...stages, notRunBecause(context, context.id("build", "build"), build, broken)] };
}

interface StageEnd {
  report: StepReport;
  /** Where it passed; the caller's to close. */
  end: Sandbox | undefined;
}

async function runBuild(context: CandidateContext, build: Build, from: Ground): Promise<StageEnd> {
  const id = context.id("build", "build");
  let end: Sandbox | undefined;
  const report = await runStep(context, id, build, async (again) => {
    const ran = await runInFork(context, id, build, await from.get(again));
    end = ran.end;
    return ran.outcome;
  });
  return { report, end };
}

async function runSetup(context: CandidateContext, setup: Setup): Promise<StageEnd> {
  let end: Sandbox | undefined;
  const report = await runStep(context, context.id("setup", "setup"), setup, async () => {
    const result = await setupFromCacheOrRun(context, setup);
    end = result.end;
    return result.outcome;
  });
  return { report, end };
}

async function setupFromCacheOrRun(
  context: CandidateContext,
  setup: Setup,
): Promise<{ outcome: Outcome; end?: Sandbox }> {
  // A snapshot made with secrets could hold them, for whoever comes next.
  const hasSecrets = Object.keys(context.candidate.environment.of("setup", setup).secrets).length > 0;
  if (hasSecrets) return runFresh(context, setup, undefined);
  const key = await keyOf(context, setup, new Deadline(setup.timeoutMs));
  const { setups } = context.run;
  const before = setups.get(key);
  const mine = (async () => {
    await untilAborted(before, context.signal);
    const kept =
      context.run.fresh && before === undefined
        ? undefined
        : await createFromKept(key, createOptions(context));
    if (kept !== undefined)
      return { outcome: { ...passed, cached: true, reason: "from the cache" }, end: kept };
    return runFresh(context, setup, key);
  })();
  setups.set(
    key,
    mine.catch(() => undefined),
  );
  return mine;
}

/** Runs setup and, with a key and only where it passed, keeps what came of it. */
async function runFresh(
  context: CandidateContext,
  setup: Setup,
  key: string | undefined,
): Promise<{ outcome: Outcome; end?: Sandbox }> {
  const { candidate, signal } = context;
  const options = createOptions(context);
  const deadline = new Deadline(setup.timeoutMs);
  // What is cached must not hide that setup fails now.
  if (key !== undefined) await forgetKept(key, options);
  const parent = await Sandbox.create({ ...options, caches: candidate.caches });
  try {
    await importSelection(parent, candidate.directory, ".", {
      ...filesOf(context, setup),
      ...importLimits(context, deadline),
    });
    const id = context.id("setup", "setup");
    const { outcome, end } = await runInFork(context, id, setup, parent, deadline);
    if (end === undefined) return { outcome };
    const withoutCaches = await forkWith(end, { caches: {}, signal }).finally(() => end.close());
    try {
      // Files that changed meanwhile would go under a name that is not theirs.
      if (key !== undefined && (await keyOf(context, setup, new Deadline(setup.timeoutMs))) === key)
        await keepSandbox(withoutCaches, key, signal);
    } catch (error) {
      await withoutCaches.close();
      throw error;
    }
    return { outcome, end: withoutCaches };
  } finally {
    await parent.close();
  }
}

async function keyOf(context: CandidateContext, setup: Setup, deadline: Deadline): Promise<string> {
  const { candidate, engine, signal } = context;
  const { base = engine.defaultBase, user = "sandbox" } = candidate.create;
  return setupKey(candidate.directory, { ...filesOf(context, setup), signal }, deadline, {
    ...{ base: await engine.identify(base, signal), user, commands: setup.commands },
    ...{ env: candidate.environment.of("setup", setup).env, caches: candidate.caches },
    network: context.networkOf("setup", setup),
  });
}

function filesOf({ candidate }: CandidateContext, { files = defaultSetupFiles }: Setup) {
  // A lockfile that is named counts even where git ignores it; the whole project is what git says it is.
  const whole = files.includes("**");
  const gitignore = whole && candidate.config.sources.gitignore !== false;
  const { exclude, excludeUntracked } = candidate;
  return { include: files, exclude, excludeUntracked, gitignore, git: false };
}

async function importSources(context: CandidateContext, from: Sandbox | undefined): Promise<StageEnd> {
  let end: Sandbox | undefined;
  const report = await runStep(context, context.id("sources", "sources"), undefined, async (again) => {
    const gone = again && from !== undefined && (await isLost(from));
    const sandbox = gone
      ? await remakeSetup(context)
      : (from ?? (await Sandbox.create(createOptions(context))));
    try {
      await bringSources(context, sandbox);
    } catch (error) {
      // What setup left is still there for another try.
      if (sandbox !== from) await sandbox.close();
      throw error;
    }
    end = sandbox;
    return passed;
  });
  return { report, end };
}

async function bringSources(context: CandidateContext, sandbox: Sandbox): Promise<void> {
  const { candidate } = context;
  const { include, gitignore = true } = candidate.config.sources;
  const deadline = new Deadline(candidate.timeoutMs);
  const { directory, exclude, excludeUntracked, gitDir } = candidate;
  const limits = () => importLimits(context, deadline);
  const repository = candidate.git
    ? await findGit(directory, gitDir, (message) => context.warn(message))
    : undefined;
  const outside = repository?.directories;
  const { skipped } = await importSelection(sandbox, directory, ".", {
    ...(include === undefined ? {} : { include }),
    ...{ exclude, excludeUntracked, gitignore, git: repository !== undefined && outside === undefined },
    ...(outside === undefined ? {} : { gitDirectories: outside }),
    ...limits(),
  });
  if (repository !== undefined)
    await settleGit(sandbox, repository, limits, context.can.network.off === true);
  for (const { path, reason } of skipped.slice(0, MOST_NAMED))
    context.warn(`${path} was not imported: ${reason}`);
  const more = skipped.length - MOST_NAMED;
  if (more > 0) context.warn(`${more} more that are no files, directories or links were not imported`);
}

/** An import is a part of its step, and has the step's time. */
function importLimits({ signal }: CandidateContext, deadline: Deadline) {
  return { timeoutMs: deadline.left(), signal };
}

/** Another candidate's setup has no reason to end with this one. */
async function untilAborted(before: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
  if (before === undefined) return;
  let stop = () => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
  });
  signal.addEventListener("abort", stop);
  await Promise.race([before, aborted]);
  signal.removeEventListener("abort", stop);
  if (signal.aborted) throw stopError("validate", signal.reason);
}

function createOptions(context: CandidateContext) {
  return { ...context.options, signal: context.signal };
}
