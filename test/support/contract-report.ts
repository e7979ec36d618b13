import type { Reporter, TestCase, TestModule } from "vitest/node";

/**
 * Says at the end of a run how much of the contract ran on each engine, and which engine was not there and
 * why: a green run on no engine must not look like one on all of them.
 */
export default class ContractReport implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const engines = new Map<string, { passed: number; failed: number; skipped: number; missing?: string }>();
    for (const module of modules) {
      for (const test of module.children.allTests()) count(test, engines);
    }
    for (const [engine, { passed, failed, skipped, missing }] of engines) {
      if (missing !== undefined)
        console.log(`\n!!! contract on ${engine}: SKIPPED, no test of it ran: ${missing}`);
      else console.log(`\ncontract on ${engine}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
    }
  }
}

function count(
  test: TestCase,
  engines: Map<string, { passed: number; failed: number; skipped: number; missing?: string }>,
): void {
  const engine = /^contract on (\w+) >/.exec(test.fullName)?.[1];
  if (engine === undefined) return;
  const counts = engines.get(engine) ?? { passed: 0, failed: 0, skipped: 0 };
  engines.set(engine, counts);
  const result = test.result();
  if (result.state === "pending") return;
  counts[result.state]++;
  // Without a note it was a name filter that left the test out.
  if (result.state === "skipped" && result.note && test.name === `the ${engine} engine answers`) {
    counts.missing = result.note;
  }
}
