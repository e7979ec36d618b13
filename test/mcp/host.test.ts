import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { connectStdio } from "../support/mcp.js";
import { fill, hostDirectory, hostTree } from "../support/scratch.js";

const engine = await probeLocal();

describe("what tools of forkbox mcp reach of the host", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  test("without a root: nothing", async () => {
    await using connected = await connectStdio();
    const host = await hostDirectory();
    const { sandbox_id } = await connected.call("create_sandbox");
    const refused = [
      await connected.refused("refresh_from_host", { sandbox_id, host_path: host }),
      await connected.refused("export_directory", { sandbox_id, host_path: host }),
      await connected.refused("validate", { host_path: host }),
      await connected.refused("validate", { sandbox_id, artifacts_to: host }),
    ];
    for (const error of refused)
      expect(error).toMatchObject({ code: "PERMISSION", next: expect.stringMatching(/--root/) });
    expect(await readdir(host)).toEqual([]);
  });

  test("with one: what lies in it, and nothing that a path or a link leads to elsewhere", async () => {
    const host = await hostDirectory();
    await fill(host, {
      "root/app/in.txt": "inside",
      "root/app/.gitignore": "secret.txt\n",
      "root/app/secret.txt": "s",
      "outside/out.txt": "outside",
    });
    const [root, outside] = [join(host, "root"), join(host, "outside")];
    await symlink(outside, join(root, "link"));
    await symlink("/", join(root, "slash"));
    await symlink(join(root, "app"), join(root, "inner"));
    await symlink(join(host, "missing"), join(root, "nowhere"));
    await symlink("loop", join(root, "loop"));
    await writeFile(join(root, "file"), "");
    const before = await hostTree(outside);
    await using connected = await connectStdio(["--root", root]);
    const { sandbox_id } = await connected.call("create_sandbox");
    const paths = [
      outside,
      host,
      "/",
      "..",
      "app/../../outside",
      "link",
      "link/deeper",
      "slash",
      "slash/tmp",
      "nowhere",
      "nowhere/x",
      "loop",
      `${root}-beside`,
      `${root}/../outside`,
      `/proc/self/cwd`,
      `/proc/1/root`,
      "a\0b",
      "~",
      "x".repeat(4000),
      "file",
      "file/below",
    ];
    for (const host_path of paths) {
      const codes = /^(PERMISSION|INVALID_ARGUMENT|NOT_FOUND|NOT_A_DIRECTORY)$/;
      expect(
        await connected.refused("refresh_from_host", { sandbox_id, host_path }),
        host_path,
      ).toMatchObject({ code: expect.stringMatching(codes) });
      expect(await connected.refused("validate", { host_path }), host_path).toMatchObject({
        code: expect.stringMatching(codes),
      });
      if (host_path === "~" || host_path.startsWith("x")) continue;
      expect(await connected.refused("export_directory", { sandbox_id, host_path }), host_path).toMatchObject(
        { code: expect.stringMatching(codes) },
      );
      const artifacts = { sandbox_id, artifacts_to: host_path };
      expect((await connected.raw("validate", artifacts)).isError, host_path).toBe(true);
    }
    expect(await hostTree(outside)).toEqual(before);

    expect(await connected.call("refresh_from_host", { sandbox_id, host_path: "inner" })).toMatchObject({
      files: 2,
    });
    expect(await connected.call("exec", { sandbox_id, command: "ls -A" })).toMatchObject({
      stdout: ".gitignore\nin.txt\n",
    });
    expect(await connected.call("export_directory", { sandbox_id, host_path: "new/deep" })).toMatchObject({
      host_path: join(root, "new/deep"),
    });
    expect(await readFile(join(root, "new/deep/in.txt"), "utf8")).toBe("inside");
  });

  test("what a sandbox left behind cannot lead an export or a validation out of the root", async () => {
    const host = await hostDirectory();
    await fill(host, { "outside/": "", "root/": "" });
    const root = join(host, "root");
    await using connected = await connectStdio(["--root", root]);
    const { sandbox_id } = await connected.call("create_sandbox");
    const command = `mkdir d; echo data > d/f; ln -s ${host}/outside d/out; ln -s ../../outside d/up; ln -s / d/slash; mkdir d/.git; echo x > d/.git/config`;
    await connected.call("exec", { sandbox_id, command });
    const first = await connected.call("export_directory", { sandbox_id, path: "d", host_path: "d" });
    expect(first).toMatchObject({ files: 1, skipped_in_all: 4 });
    await connected.call("exec", {
      sandbox_id,
      command: "rm d/out d/up d/slash; mkdir d/out d/up; echo evil > d/out/f; echo evil > d/up/f",
    });
    await connected.call("export_directory", { sandbox_id, path: "d", host_path: "d" });
    expect(await hostTree(join(host, "outside"))).toEqual([]);
    const whole = await connected.refused("export_directory", { sandbox_id, host_path: ".", replace: true });
    expect(whole).toMatchObject({ code: "PERMISSION" });
    expect(await readdir(host)).toEqual(["outside", "root"]);
  });

  test("a project in a sandbox may have any name, also that of the place where artifacts are made", async () => {
    await using connected = await connectStdio();
    const { sandbox_id } = await connected.call("create_sandbox");
    const files = [{ path: "out/forkbox.yaml", content: "checks: { test: ls test/a }\n" }];
    await connected.call("write_files", {
      sandbox_id,
      files: [...files, { path: "out/test/a", content: "1" }],
    });
    const report = await connected.call("validate", { sandbox_id, path: "out" });
    expect(report).toMatchObject({ passed: true, state: "exited" });
  });

  test("a project on the host is judged where it is, and its artifacts land in the root", async () => {
    const root = await hostDirectory();
    await fill(root, {
      "app/forkbox.yaml": "checks:\n  test:\n    run: echo made > made.txt\n    artifacts: [made.txt]\n",
    });
    await using connected = await connectStdio(["--root", root]);
    const report = await connected.call("validate", { host_path: "app", artifacts_to: "out" });
    expect(report).toMatchObject({ passed: true, state: "exited" });
    expect(await readFile(join(root, "out/app/test/made.txt"), "utf8")).toBe("made\n");
    expect(await readdir(join(root, "app"))).toEqual(["forkbox.yaml"]);
    // The same without a place for them: they are counted and thrown away.
    const other = await connected.call("validate", { host_path: "app" });
    expect(other.steps).toMatchObject([
      { name: "sources" },
      { name: "test", artifacts: { files: 1, bytes: 5 } },
    ]);
    expect(await readdir(root)).toEqual(["app", "out"]);
    // A link where they would go leads nowhere.
    const elsewhere = await hostDirectory();
    await rm(join(root, "out/app"), { recursive: true });
    await symlink(elsewhere, join(root, "out/app"));
    const error = { code: "UNSAFE_EXPORT" };
    const link = await connected.raw("validate", { host_path: "app", artifacts_to: "out" });
    expect(link).toMatchObject({ isError: true, structuredContent: { passed: true, error } });
    expect(await readdir(elsewhere)).toEqual([]);
    const hooks = await connected.raw("validate", { host_path: "app", artifacts_to: ".git/hooks" });
    expect(hooks).toMatchObject({ isError: true, structuredContent: { passed: true, error } });
  });

  test("read-only paths are refused to tools, and what commands change of them is told until it is put back", async () => {
    const root = await hostDirectory();
    await fill(root, { "package.json": "{}", "config/a.json": "a", "src/x.js": "x" });
    await mkdir(join(root, "out"));
    await using connected = await connectStdio([
      "--root",
      root,
      "--read-only",
      "package.json",
      "--read-only",
      "config",
    ]);
    const { sandbox_id } = await connected.call("create_sandbox");
    await connected.call("refresh_from_host", { sandbox_id, host_path: "." });
    const sh = (command: string) => connected.call("exec", { sandbox_id, command });
    const write = (path: string) =>
      connected.refused("write_files", { sandbox_id, files: [{ path, content: "y" }] });
    expect(await write("package.json")).toMatchObject({ code: "READ_ONLY_PATH" });
    expect(await write("config/new.json")).toMatchObject({ code: "READ_ONLY_PATH" });
    const edit = { sandbox_id, path: "package.json", old_text: "{}", new_text: "{1}" };
    expect(await connected.refused("edit_file", edit)).toMatchObject({ code: "READ_ONLY_PATH" });
    await sh("ln -s package.json link");
    expect(await write("link")).toMatchObject({ code: "READ_ONLY_PATH" });

    expect(await sh("echo y > src/x.js")).not.toHaveProperty("read_only_changed");
    const changed = [
      "/workspace/config/a.json (removed)",
      "/workspace/package.json (changed)",
      "/workspace/config/b.json (new)",
    ];
    const first = await sh("echo '{2}' > package.json; mv config/a.json config/b.json");
    expect([...(first.read_only_changed as string[])].sort()).toEqual([...changed].sort());
    expect((await sh("true")).read_only_changed).toHaveLength(3);
    expect(
      (await connected.call("export_directory", { sandbox_id, host_path: "out" })).read_only_changed,
    ).toHaveLength(3);
    const { sandbox_id: fork } = await connected.call("fork_sandbox", { sandbox_id });
    expect(
      (await connected.call("exec", { sandbox_id: fork, command: "true" })).read_only_changed,
    ).toHaveLength(3);
    expect(await sh("printf '{}' > package.json; mv config/b.json config/a.json")).not.toHaveProperty(
      "read_only_changed",
    );
    expect(await sh("chmod 600 package.json")).toMatchObject({
      read_only_changed: ["/workspace/package.json (changed)"],
    });
  });
});
