import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { SandboxError } from "../../../src/errors.js";
import { redactError } from "../../../src/redaction/errors.js";
import { leakScanner } from "../../../src/redaction/leaks.js";
import { Redactor } from "../../../src/redaction/redactor.js";

const SECRET = "dapi-0123456789";

describe("the scan of files for secrets", () => {
  const scan = (values: string[], chunks: string[]) => {
    const file = leakScanner(values)?.();
    return chunks.map((chunk) => file?.push(Buffer.from(chunk))).includes(true);
  };

  it("finds a secret split over chunks at any byte", () => {
    const text = `before ${SECRET} after`;
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const chunks = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        expect(scan([SECRET, "another-secret"], chunks)).toBe(true);
      }
    }
    expect(scan([SECRET], [...text])).toBe(true);
  });

  it("finds nothing in files without one, and does not look for short values", () => {
    expect(scan([SECRET], ["dapi-012345678", "8 dapi-0123456789".slice(0, 10)])).toBe(false);
    expect(scan(["short"], ["short"])).toBe(false);
    expect(scan([], ["anything"])).toBe(false);
  });

  it("scans each file by itself", () => {
    const newScan = leakScanner([SECRET]);
    expect(newScan?.().push(Buffer.from(SECRET.slice(0, 8)))).toBe(false);
    expect(newScan?.().push(Buffer.from(SECRET.slice(8)))).toBe(false);
  });
});

describe("the redaction of errors", () => {
  const redactor = Redactor.of([SECRET]);

  it("takes secrets out of the message, path, stack and whatever the cause prints", () => {
    const cause = Object.assign(new Error(`spawn ${SECRET}`), { spawnargs: ["sh", SECRET] });
    cause.cause = { nested: { deep: SECRET } };
    const error = new SandboxError("ENGINE_ERROR", `exec of ${SECRET} failed`, {
      operation: "exec",
      path: `/tmp/${SECRET}`,
      cause,
    });
    const redacted = redactError(error, redactor);
    expect(redacted).toBeInstanceOf(SandboxError);
    expect(redacted).toMatchObject({ code: "ENGINE_ERROR", message: "exec of *** failed", path: "/tmp/***" });
    expect(inspect(redacted, { depth: 10, showHidden: true })).not.toContain(SECRET);
    expect(redacted.cause).toMatchObject({ message: "spawn ***" });
  });

  it("finds a secret that only the cause's properties hold", () => {
    const cause = Object.assign(new Error("spawn"), { spawnargs: [SECRET] });
    const error = new SandboxError("ENGINE_ERROR", "failed", { operation: "exec", cause });
    expect(inspect(redactError(error, redactor), { depth: 10 })).not.toContain(SECRET);
  });

  it("gives an error without secrets back as it is", () => {
    const error = new SandboxError("NOT_FOUND", "no such file", {
      operation: "readFile",
      cause: new Error("x"),
    });
    expect(redactError(error, redactor)).toBe(error);
  });
});
