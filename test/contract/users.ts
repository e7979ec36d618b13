import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { createWhereSupported, prepare } from "../support/prepared.js";
import { fill, hostDirectory, hostFiles } from "../support/scratch.js";

/** Who commands run as, and whose the library's files are. */
export function describeUsers(engine: EngineUnderTest): void {
  describe("users", () => {
    const prepared = prepare(engine);

    test("the default user is an ordinary one, who can't become another", async () => {
      if (engine.capabilities.users.sandbox !== true) return;
      const sandbox = await prepared.fork();
      const { stdout } = await sandbox.exec(
        "id -u; touch f; chown 1 f 2>/dev/null || echo denied; stat -c %u f",
      );
      const [uid, denied, owner] = stdout.trim().split("\n");
      expect(uid).not.toBe("0");
      expect([denied, owner]).toEqual(["denied", uid]);
    });

    test("root owns what it and the library write, and may give it away", async () => {
      const sandbox = await createWhereSupported(engine, engine.capabilities.users.root, { user: "root" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      await sandbox.writeFile("written", "x");
      await sandbox.refreshFromHost(await hostFiles({ imported: "x" }), "/workspace/in");
      const { stdout } = await sandbox.exec(
        "id -u; stat -c %u . written in in/imported; touch own; chown 33:33 own; chmod 4755 own; stat -c '%u %g %a' own",
      );
      expect(stdout).toBe("0\n0\n0\n0\n0\n33 33 4755\n");
      // Owners are part of the snapshot.
      await using fork = await sandbox.fork();
      expect((await fork.exec("stat -c '%u %g' own")).stdout).toBe("33 33\n");
    });

    test("root's commands can drop to another user, as apt and PostgreSQL do", async () => {
      const sandbox = await createWhereSupported(engine, engine.capabilities.users.root, { user: "root" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      const drop =
        "setpriv --reuid 33 --regid 33 --clear-groups id -u 2>/dev/null || su -s /bin/sh nobody -c 'id -u'";
      expect((await sandbox.exec(drop)).stdout.trim()).not.toBe("0");
      expect(
        (await sandbox.exec("mkdir d; touch d/f; chown -R 33 d; tar cf t.tar d; tar xpf t.tar")).exitCode,
      ).toBe(0);
    });

    test("what a sandbox's root made is the caller's own after an export", async () => {
      const sandbox = await createWhereSupported(engine, engine.capabilities.users.root, { user: "root" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      await sandbox.exec("mkdir out; echo x > out/f; chown 33:33 out/f; chmod 600 out/f");
      const target = await hostDirectory();
      await fill(target, { before: "x" });
      expect(await sandbox.exportDirectory("out", target)).toMatchObject({ bytes: 2, skipped: [] });
    });
  });
}
