import { expect } from "vitest";
import { type ErrorCode, SandboxError } from "../../src/errors.js";

/** What a promise rejected with; fails the test when it resolved. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    const value = await promise;
    expect.fail(`expected a rejection, got ${JSON.stringify(value)}`);
  } catch (error) {
    return error;
  }
}

/** Expects a SandboxError with one of the codes and a message that a person can act on. */
export async function expectCode(promise: Promise<unknown>, ...codes: ErrorCode[]): Promise<SandboxError> {
  return checkCode(await rejection(promise), codes);
}

/** The same for what throws at once or rejects: bad arguments may do either. */
export async function expectRefused(
  act: () => Promise<unknown> | unknown,
  ...codes: ErrorCode[]
): Promise<SandboxError> {
  return expectCode(
    (async () => {
      await act();
    })(),
    ...codes,
  );
}

/** Expects a synchronous throw. */
export function expectThrow(act: () => unknown, ...codes: ErrorCode[]): SandboxError {
  try {
    const value = act();
    // What it returned instead may reject later; that is not the failure to report.
    if (value instanceof Promise) value.catch(() => undefined);
  } catch (error) {
    return checkCode(error, codes);
  }
  expect.fail("expected a throw, it returned");
}

function checkCode(error: unknown, codes: readonly ErrorCode[]): SandboxError {
  expect(error, String(error)).toBeInstanceOf(SandboxError);
  const sandboxError = error as SandboxError;
  expect(codes, `${sandboxError.code}: ${sandboxError.message}`).toContain(sandboxError.code);
  expect(sandboxError.operation).not.toBe("");
  expect(sandboxError.message.length, "a message says what was tried, on what and why").toBeGreaterThan(15);
  return sandboxError;
}
