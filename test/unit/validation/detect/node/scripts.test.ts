import { describe, expect, test } from "vitest";
import { commandsOf, programOf } from "../../../../../src/validation/detect/node/scripts/command-line.js";
import { readScript } from "../../../../../src/validation/detect/node/scripts/looking.js";

const looks = { kind: "looks" };
const writes = (instead: string | undefined) => ({ kind: "writes", instead });
const never = (instead: string | undefined) => ({ kind: "never ends", instead });

describe("a script of package.json", () => {
  test.each([
    ["eslint . --fix", "eslint ."],
    ["eslint --fix src test", "eslint src test"],
    ["prettier --write .", "prettier --check ."],
    ["prettier -w 'src/**/*.ts'", "prettier --check 'src/**/*.ts'"],
    ["biome check --write --unsafe .", "biome check ."],
    ["biome check --apply .", "biome check ."],
    ["standard --fix", "standard"],
    ["NODE_ENV=test npx eslint --fix .", "NODE_ENV=test npx eslint ."],
    [
      "cross-env A=b node_modules/.bin/prettier --write .",
      "cross-env A=b node_modules/.bin/prettier --check .",
    ],
    ["eslint --fix . && prettier --write . && tsc", "eslint . && prettier --check . && tsc"],
    ["dprint fmt", "dprint check"],
    ["vitest run -u", "vitest run"],
    ["node tools/lint.js --fix", "node tools/lint.js"],
  ])("that writes, %j, is the same without what makes it write", (script, instead) => {
    expect(readScript("lint", { lint: script })).toEqual(writes(instead));
  });

  test.each([
    "eslint .",
    "prettier --check .",
    "prettier --check --write .",
    "biome ci",
    "tsc -w & vitest run",
    "eslint --fix-dry-run .",
    "vitest",
    "vitest --config 'a && b --fix'",
    "npm -w packages/a run lint",
    "echo 'use --fix'",
    "node --test",
  ])("that only looks, %j, is run as it is", (script) => {
    expect(readScript("lint", { lint: script })).toEqual(looks);
  });

  test.each([
    ["jest --watch", "jest"],
    ["tsc -w --noEmit", "tsc --noEmit"],
    ["vitest watch", "vitest run"],
    ["vitest --ui", "vitest"],
  ])("that never ends, %j, is the same without what makes it go on", (script, instead) => {
    expect(readScript("test", { test: script })).toEqual(never(instead));
  });

  test.each(["vite", "vite --host", "next dev", "nodemon server.js", "webpack serve", "cypress open"])(
    "that is a server, %j, has nothing that stands for it",
    (script) => expect(readScript("test", { test: script })).toEqual(never(undefined)),
  );

  test.each([
    "lint-staged",
    "eslint . && git add -A",
    "if true; then eslint --fix .; fi",
    "eslint $(files) --fix",
  ])("that writes in a way that can't be taken from it, %j, has nothing that stands for it", (script) =>
    expect(readScript("lint", { lint: script })).toEqual(writes(undefined)),
  );
});

describe("a script that runs others", () => {
  const parts = { "lint:js": "eslint --fix .", "lint:css": "stylelint .", unit: "vitest run" };
  test.each([
    ["npm run lint:js && npm run lint:css", "eslint . && npm run lint:css"],
    ["npm run -s lint:js", "eslint ."],
    ["pnpm lint:js", "eslint ."],
    ["yarn lint:js", "eslint ."],
    ["bun run lint:js", "eslint ."],
    ["run-s lint:js lint:css", "eslint . && stylelint ."],
    ["run-p lint:*", "eslint . && stylelint ."],
    ["npm-run-all --parallel lint:*", "eslint . && stylelint ."],
    ["pnpm run '/^lint:/'", "eslint . && stylelint ."],
    ["concurrently npm:lint:js npm:lint:css", "eslint . && stylelint ."],
    ["npm run lint:css -- --fix", "npm run lint:css"],
    ["npm run lint:css -- --fix --quiet", "npm run lint:css -- --quiet"],
    ["yarn lint:css --fix", "yarn lint:css"],
  ])("does what they do: %j", (lint, instead) => {
    expect(readScript("lint", { ...parts, lint })).toEqual(writes(instead));
  });

  test.each(["npm run lint:css", "run-s lint:css unit", "npm test", "npm install && npm run unit"])(
    "only looks where they do: %j",
    (lint) => expect(readScript("lint", { ...parts, lint })).toEqual(looks),
  );

  test("of the workspace's packages does what these do", () => {
    const members = [{ lint: "eslint ." }, { lint: "eslint --fix ." }];
    for (const lint of [
      "turbo run lint",
      "turbo lint",
      "nx run-many -t lint",
      "lerna run lint",
      "pnpm -r run lint",
    ]) {
      expect(readScript("lint", { lint }, members)).toEqual(writes(undefined));
      expect(readScript("lint", { lint }, members.slice(0, 1))).toEqual(looks);
    }
    expect(readScript("lint", { lint: "turbo run lint -- --fix" }, members.slice(0, 1))).toEqual(
      writes("turbo run lint"),
    );
  });

  test("is read to an end when they run each other, or make a line that grows without one", () => {
    expect(readScript("a", { a: "npm run b", b: "npm run a && eslint --fix ." })).toEqual(
      writes("npm run a && eslint ."),
    );
    const names = Array.from({ length: 30 }, (_, index) => `s${index}`);
    const doubling = Object.fromEntries(
      names.map((name, index) => [
        name,
        index === 29 ? "eslint --fix ." : `npm run s${index + 1} && npm run s${index + 1}`,
      ]),
    );
    expect(readScript("s20", doubling)).toEqual(writes(undefined));
    expect(readScript("s0", doubling)).toEqual(writes(undefined));
  });
});

test("a command line is read as a shell reads it", () => {
  const words = (line: string) => commandsOf(line)?.map((command) => command.words.map(({ text }) => text));
  expect(words(`a "b c" 'd "e"' f\\ g 2>&1 | h; (i) && j &`)).toEqual([
    ["a", "b c", 'd "e"', "f g", "2>&1"],
    ["h"],
    ["i"],
    ["j"],
  ]);
  expect(words("a `b`")).toBeUndefined();
  expect(words("a 'b")).toBeUndefined();
  const [command] = commandsOf("A=b cross-env C=d npx --yes dotenv -e .env -- eslint .") ?? [];
  expect(command && programOf(command).map(({ text }) => text)).toEqual(["eslint", "."]);
});
