import type { TestCounts } from "../types.js";

/** What `go test` says: of each test only with `-v` or `-json`, else of each package. */
export class GoTests {
  readonly #packages: TestCounts = { passed: 0, failed: 0, skipped: 0 };
  readonly #tests: TestCounts = { passed: 0, failed: 0, skipped: 0 };
  #said = false;

  /** Whether the line was one of go's. */
  line(text: string): boolean {
    const isGo = this.#package(text) || this.#test(text);
    this.#said ||= isGo;
    return isGo;
  }

  /** Packages stand for their tests where it says nothing of these. */
  counts(): TestCounts | undefined {
    if (!this.#said) return undefined;
    const { passed, failed, skipped } = this.#tests;
    const broken = Math.max(failed, this.#packages.failed);
    return passed > 0 ? { passed, failed: broken, skipped } : { ...this.#packages, failed: broken, skipped };
  }

  #package(text: string): boolean {
    if (
      /^(?:\? {3}\t\S{1,300}\t\[no test files\]|\t\S{1,300}\t{1,2}coverage: 0\.0% of statements)$/.test(text)
    )
      return true;
    if (/^ok {2}\t\S{1,300}\t.{1,200}$/.test(text)) {
      if (!text.includes("[no tests to run]")) this.#packages.passed++;
      return true;
    }
    if (!/^FAIL\t\S{1,300}(?:\t[\d.]{1,12}s| \[(?:build|setup) failed\])$/.test(text)) return false;
    this.#packages.failed++;
    return true;
  }

  #test(text: string): boolean {
    const [, word] =
      /^--- (PASS|FAIL|SKIP): \S{1,300} \([\d.]{1,12}s\)$/.exec(text) ??
      /^\{(?:"Time":"[^"]{1,60}",)?"Action":"(pass|fail|skip)","Package":"[^"]{1,300}","Test":"[^"/]{1,300}"/.exec(
        text,
      ) ??
      [];
    const kind = ({ pass: "passed", fail: "failed", skip: "skipped" } as const)[word?.toLowerCase() ?? ""];
    if (kind === undefined) return false;
    this.#tests[kind]++;
    return true;
  }
}
