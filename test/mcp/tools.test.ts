import { describe, expect, test } from "vitest";
import { connectStdio, eras } from "../support/mcp.js";

const inOrder = [
  "create_sandbox",
  "fork_sandbox",
  "close_sandbox",
  "list_sandboxes",
  "exec",
  "get_run",
  "stop_run",
  "read_output",
  "read_file",
  "write_files",
  "edit_file",
  "list_directory",
  "refresh_from_host",
  "export_directory",
  "validate",
];

describe.each(eras)("the tools of forkbox mcp, for a client of the %s revision", (era) => {
  test("they come in a fixed order, with schemas, annotations and descriptions, and fit into a prompt", async () => {
    await using connected = await connectStdio([], { era });
    const { tools } = await connected.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(inOrder);
    for (const { name, description, inputSchema, outputSchema, annotations } of tools) {
      expect(description?.length, name).toBeGreaterThan(60);
      expect(inputSchema, name).toMatchObject({ type: "object", additionalProperties: false });
      expect(outputSchema, name).toMatchObject({ type: "object" });
      const hint = expect.any(Boolean);
      expect(annotations, name).toMatchObject({
        readOnlyHint: hint,
        destructiveHint: hint,
        idempotentHint: hint,
        openWorldHint: hint,
      });
    }
    expect(JSON.stringify(tools).length).toBeLessThan(30_000);
  });

  test("no tool takes or gives variables, secrets, networks, engines or limits", async () => {
    await using connected = await connectStdio([], { era });
    const { tools } = await connected.client.listTools();
    const names = JSON.stringify(
      tools.map(({ inputSchema, outputSchema }) => [inputSchema.properties, outputSchema?.properties]),
    );
    expect(names).not.toMatch(/"(env|environment|variables|secrets?|network|engine|base|limits|user)":/);
  });
});
