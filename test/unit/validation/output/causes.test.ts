import { expect, test } from "vitest";
import { Causes } from "../../../../src/validation/output/causes.js";

function causes(...lines: string[]): Causes {
  const found = new Causes();
  for (const line of lines) found.line(line);
  return found;
}

test.each([
  [
    "npm error network request to https://registry.example failed, reason: getaddrinfo ENOTFOUND registry.example",
    "ENOTFOUND",
  ],
  ["curl: (6) Could not resolve host: registry.example", "Could not resolve host"],
  [
    "ssh: Could not resolve hostname example.com: Temporary failure in name resolution",
    "Could not resolve hostname",
  ],
  ["[Errno -3] Temporary failure in name resolution", "Temporary failure in name resolution"],
  ["Error: connect ECONNREFUSED 10.1.2.3:443", "ECONNREFUSED"],
  ["dial tcp: lookup proxy.example: no such host", "dial tcp: lookup"],
  ["java.net.UnknownHostException: repo.example", "UnknownHostException"],
])("a line that no network means: %s", (line, said) => expect(causes(line).offline).toBe(said));

test.each([
  "Error: connect ECONNREFUSED 127.0.0.1:5432",
  "connect ECONNREFUSED ::1:3000",
  "localhost: Connection refused",
  "tests/test_dns.py::test_error PASSED",
])("a line that means something else: %s", (line) => expect(causes(line).offline).toBeUndefined());

test("what shells say of programs that they don't find, in the order they say it", () => {
  const found = causes(
    "/bin/sh: 1: one: not found",
    "sh: two: not found",
    "bash: line 1: three: command not found",
    "/usr/bin/env: ‘four’: No such file or directory",
    "page /x: not found",
    'exec: "five": executable file not found in $PATH',
  );
  expect(found.missing).toEqual(["one", "two", "three", "four", "five"]);
});
