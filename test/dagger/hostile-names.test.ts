import { expect, test } from "vitest";
import { dagger } from "../../src/engines/dagger/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { daggerBase, describeDagger } from "../support/engine-dagger.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory } from "../support/scratch.js";

/** What a candidate names its files must not be more than its own affair. */
await describeDagger("names that a sandbox gave its files", () => {
  test("end no session, though the engine's failure quotes words of an engine that ends", async () => {
    await using engine = dagger();
    await using sandbox = await Sandbox.create({ engine, ...daggerBase() });
    await using other = await Sandbox.create({ engine, ...daggerBase() });
    // As long a path as there can be; the engine's own path to it is longer, and it quotes that.
    const name = `database not open${"0".repeat(220)}`;
    const nest = `while mkdir '${name}' && cd '${name}'; do :; done 2>/dev/null; touch file`;
    const target = await hostDirectory();
    // It does so when it first needs the path, with the command or later.
    const failing = sandbox.exec(nest).then(() => sandbox.exportDirectory("/workspace", target));
    const error = await expectCode(failing, "ENGINE_ERROR");
    expect(error.message).toContain("database not open");
    expect((await other.exec("echo works")).stdout).toBe("works\n");
  });
});
