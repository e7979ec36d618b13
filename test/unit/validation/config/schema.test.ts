import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { configJsonSchema, configSchema } from "../../../../src/validation/config/schema.js";

test("the published JSON Schema is the one that the validator says (vitest -u writes it)", async () => {
  const schema = `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
  await expect(schema).toMatchFileSnapshot("../../../../schema/forkbox.schema.json");
});

describe("an editor with the JSON Schema and forkbox agree about", () => {
  const accepts = new Ajv({ strict: false }).compile(configJsonSchema());
  const checks = { test: "npm test" };
  test.each<[string, unknown, boolean]>([
    ["the short form", { setup: "npm ci", build: ["a", "b"], checks }, true],
    [
      "the long form",
      { setup: { run: "x", files: ["*.json"] }, checks: { a: { run: "b", needs: ["c"] } } },
      true,
    ],
    [
      "an operator's grants",
      { base: { host: true, paths: ["/opt"] }, network: "off", caches: { npm: "/n" }, checks },
      true,
    ],
    ["limits", { limits: { memoryMiB: 512, cpus: 0.5 }, checks }, true],
    ["an unknown key", { chekcs: {} }, false],
    ["an unknown key in a check", { checks: { a: { run: "b", need: [] } } }, false],
    ["a check without a command", { checks: { a: { needs: ["b"] } } }, false],
    ["an empty command", { checks: { a: "" } }, false],
    ["a timeout of 0", { checks: { a: { run: "b", timeoutMs: 0 } } }, false],
    ["half a millisecond", { checks: { a: { run: "b", timeoutMs: 0.5 } } }, false],
    ["artifacts outside", { checks: { a: { run: "b", artifacts: ["../c"] } } }, false],
    ["a name with a slash", { checks: { "a/b": "c" } }, false],
    ["a check called setup", { checks: { setup: "c" } }, false],
    ["two bases", { base: { image: "a", rootfs: "/b" }, checks }, false],
    ["an unknown network", { network: "maybe", checks }, false],
    ["a list", [], false],
  ])("%s", (_, config, valid) => {
    expect(accepts(config)).toBe(valid);
    expect(configSchema.safeParse(config).success).toBe(valid);
  });
});
