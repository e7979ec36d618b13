import { chmod, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ValidateSpec } from "../../src/validation/types.js";
import { runCli } from "../support/cli.js";
import { commitAll, describeGit, git } from "../support/git.js";
import { fill, hostDirectory, hostFiles, uniqueWord } from "../support/scratch.js";
import { describeValidation, printed, type Validated, validated } from "../support/validating.js";

const clean = 'test -z "$(git status --porcelain)" || { git status; exit 1; }';
const identity = "-c user.name=a -c user.email=a@example.com";

const describeRepository = (name: string, tests: () => void) => describeGit(name, tests, describeValidation);

/** A repository of two commits with a tag, a file that is tracked although ignored, a link and a program. */
async function project(files: Record<string, string> = {}): Promise<string> {
  const directory = await hostFiles({
    ...{ ".gitignore": "*.log\nnode_modules/\n", "src/a.txt": "a", "test/fixture.log": "hello" },
    ...{ "bin/run": "#!/bin/sh\necho ran\n", "src/node_modules/x/index.js": "1", ...files },
  });
  await chmod(join(directory, "bin/run"), 0o755);
  await symlink("src/a.txt", join(directory, "link"));
  commitAll(directory);
  git(directory, "tag", "-a", "v1.2.0", "-m", "release");
  git(directory, "commit", "-q", "--allow-empty", "-m", "second");
  await fill(directory, { "node_modules/y/index.js": "1", "untracked.log": "1" });
  return directory;
}

function check(
  directory: string,
  checks: Record<string, string>,
  spec: ValidateSpec = {},
): Promise<Validated> {
  return validated({ directories: [directory], config: { checks }, ...spec });
}

function expectAll(result: Validated, verdict: string): void {
  const steps = [...result.candidate.stages, ...result.candidate.checks];
  expect(steps.filter((step) => step.verdict !== verdict && step.kind !== "sources")).toEqual([]);
}

await describeRepository("a candidate's git repository", () => {
  test.each(["sandbox", "root"] as const)("is one in the sandbox, for the user %s", async (user) => {
    const result = await check(
      await project(),
      {
        status: clean,
        plumbing: "git diff-index --quiet HEAD -- && git diff-files --quiet",
        describe:
          'git describe --tags | grep -x "v1.2.0-1-g[0-9a-f]*"; test "$(git rev-list --count HEAD)" = 2',
        dirty: "git describe --dirty | grep -v dirty; echo b > src/a.txt; git describe --dirty | grep dirty",
        whole: 'git fsck --strict && test -x bin/run && test "$(cat link)" = a && cat test/fixture.log',
        commits: `echo new > new.txt && git add new.txt && git ${identity} commit -q -m third && ${clean}`,
        clones: "git clone -q file://$PWD $HOME/clone && cd $HOME/clone && git log --oneline v1.2.0",
        fixtures: "test -f src/node_modules/x/index.js && ! test -e node_modules && ! test -e untracked.log",
      },
      { user },
    );
    expectAll(result, "passed");
    expect(result.candidate.warnings).toEqual([]);
  });

  test("lets a build find its version and put its hooks in, which run at a commit", async () => {
    const directory = await project({
      "build.sh": [
        "git describe --tags --long > version.txt",
        "mkdir -p hooks && echo 'echo the hook ran >&2' > hooks/pre-commit && chmod +x hooks/pre-commit",
        "git config core.hooksPath hooks",
      ].join("\n"),
    });
    const result = await check(
      directory,
      {},
      {
        config: {
          build: "sh build.sh",
          checks: {
            version: "grep v1.2.0-1- version.txt",
            hook: `git ${identity} commit --allow-empty -m x 2>&1 | grep "the hook ran"`,
          },
        },
      },
    );
    expectAll(result, "passed");
  });

  test("shows what is changed, added and deleted, and nothing else", async () => {
    const directory = await project();
    await fill(directory, { "src/a.txt": "changed", "src/new.txt": "new" });
    await rm(join(directory, "test/fixture.log"));
    const expected = " M src/a.txt\n D test/fixture.log\n?? src/new.txt";
    expectAll(
      await check(directory, { status: `test "$(git status --porcelain)" = "${expected}"` }),
      "passed",
    );
  });

  test("is not what the setup's cache goes by", async () => {
    const directory = await project({ "package.json": uniqueWord() });
    const config = { setup: "test ! -e .git", checks: { log: "git log --oneline" } };
    const first = await check(directory, {}, { config });
    git(directory, "commit", "-q", "--allow-empty", "-m", "one more");
    const second = await check(directory, {}, { config });
    expectAll(second, "passed");
    expect([first.check("setup").cached, second.check("setup").cached]).toEqual([undefined, true]);
    expect(printed(second.events, "log")).toContain("one more");
  });

  test("stays outside with git: false", async () => {
    const directory = await project();
    const result = await check(directory, { none: "test ! -e .git && cat test/fixture.log" }, { git: false });
    expectAll(result, "passed");
  });

  test("of hashes of 32 bytes, of which everything is packed, is one too", async () => {
    const directory = await hostFiles({ a: "1" });
    commitAll(directory, "--object-format=sha256");
    git(directory, "gc", "-q");
    git(directory, "config", "core.autocrlf", "input");
    expectAll(await check(directory, { status: `${clean} && git log --oneline` }), "passed");
  });
});

await describeRepository("a repository that nobody has reviewed", () => {
  const credential = uniqueWord("credential");

  test("brings no config, hook, remote, reflog or credential of its own", async () => {
    const directory = await project();
    git(directory, "remote", "add", "origin", `https://user:${credential}@example.com/x.git`);
    git(directory, "config", "http.extraHeader", `Authorization: ${credential}`);
    await writeFile(join(directory, ".git/FETCH_HEAD"), `https://user:${credential}@example.com`);
    await fill(directory, {
      ".git/hooks/pre-commit": credential,
      ".git/logs/HEAD": `0 1 a <a> 0 clone: from https://user:${credential}@example.com\n`,
      ".git/config.worktree": `[x]\n\ty = ${credential}\n`,
      ".git/more.config": `[x]\n\ty = ${credential}\n`,
      ".git/index.lock": "",
    });
    git(directory, "config", "include.path", "more.config");
    git(directory, "config", "filter.x.clean", `echo ${credential}`);
    const result = await check(directory, {
      config: 'test "$(git config --list --local | cut -d. -f1 | sort -u)" = core && test -z "$(git remote)"',
      nowhere: `! grep -r ${credential} . && test ! -e .git/hooks && test ! -e .git/logs && ${clean}`,
      commits: `git ${identity} commit -q --allow-empty -m x`,
    });
    expectAll(result, "passed");
  });

  test("is not followed where its .git is a file, a link or has parts elsewhere; a warning says so", async () => {
    const other = await project();
    const secret = uniqueWord("secret");
    await fill(other, { "src/a.txt": secret });
    git(other, "commit", "-q", "-a", "-m", secret);
    const shapes: [string, (directory: string) => Promise<void>][] = [
      ["file", (directory) => writeFile(join(directory, ".git"), `gitdir: ${join(other, ".git")}\n`)],
      ["link", (directory) => symlink(join(other, ".git"), join(directory, ".git"))],
      [
        "commondir",
        (directory) =>
          fill(directory, { ".git/HEAD": "ref: refs/heads/main\n", ".git/commondir": join(other, ".git") }),
      ],
      [
        "objects",
        async (directory) => {
          await fill(directory, { ".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/": "" });
          await symlink(join(other, ".git/objects"), join(directory, ".git/objects"));
        },
      ],
    ];
    for (const [shape, make] of shapes) {
      const directory = await hostFiles({ a: "1" });
      await make(directory);
      const result = await check(directory, { none: `! git log && ! grep -r ${secret} . && ls -A` });
      expectAll(result, "passed");
      expect({ shape, warnings: result.candidate.warnings }).toEqual({
        shape,
        warnings: [expect.stringMatching(/its \.git leads out of it \(to .*--git-dir/)],
      });
    }
  });

  test("borrows no objects", async () => {
    const other = await project();
    const secret = uniqueWord("secret");
    await fill(other, { "src/a.txt": secret });
    git(other, "commit", "-q", "-a", "-m", "secret");
    const blob = git(other, "rev-parse", "HEAD:src/a.txt").trim();
    const directory = await project();
    await fill(directory, { ".git/objects/info/alternates": `${join(other, ".git/objects")}\n` });
    expect(git(directory, "cat-file", "-p", blob)).toBe(secret);
    const result = await check(directory, { none: `! git cat-file -p ${blob} && ${clean}` });
    expectAll(result, "passed");
    expect(result.candidate.warnings).toEqual([expect.stringMatching(/alternates.*git repack -a -d/)]);
  });

  test("may have any number of loose refs, links and odd files in it", async () => {
    const directory = await project();
    const head = git(directory, "rev-parse", "HEAD");
    await mkdir(join(directory, ".git/refs/many"));
    for (let at = 0; at < 4_000; at += 1) await writeFile(join(directory, `.git/refs/many/${at}`), head);
    await symlink("/etc", join(directory, ".git/refs/etc"));
    const result = await check(directory, {
      refs: 'test "$(git for-each-ref refs/many | wc -l)" = 4000',
      outside: "git log --oneline; ! git for-each-ref | grep etc",
    });
    expect(result.check("refs").verdict).toBe("passed");
  });

  test("that is an empty directory, or broken, is what git says it is", async () => {
    for (const files of [
      { ".git/": "" },
      { ".git/HEAD": "x", ".git/objects/": "", ".git/refs/": "", ".git/index": "x" },
    ]) {
      const result = await check(await hostFiles({ a: "1", ...files }), { none: "! git status" });
      expect(result.verdicts).toEqual({ none: "passed" });
    }
  });
});

await describeRepository("a repository that lies elsewhere, named by the operator,", () => {
  test("is that of a linked worktree, with what is staged in it", async () => {
    const main = await project();
    const trees = await hostDirectory();
    git(main, "worktree", "add", "-q", "-b", "topic", join(trees, "tree"));
    const tree = join(trees, "tree");
    await fill(tree, { "src/new.txt": "new" });
    git(tree, "add", "src/new.txt");
    const checks = {
      status: 'test "$(git status --porcelain)" = "A  src/new.txt"',
      branch: 'test "$(git branch --show-current)" = topic && git describe --tags && cat test/fixture.log',
    };
    for (const gitDir of [join(main, ".git"), join(main, ".git/worktrees/tree")])
      expectAll(await check(tree, checks, { gitDir }), "passed");
  });

  test("is no other than the one that was named", async () => {
    const named = await project();
    const other = await project();
    const directory = await hostFiles({ a: "1", ".git": `gitdir: ${join(other, ".git")}\n` });
    const result = await check(directory, { none: "! git log" }, { gitDir: join(named, ".git") });
    expectAll(result, "passed");
    expect(result.candidate.warnings).toHaveLength(1);
  });
});

await describeRepository("while a project is validated", () => {
  test("nothing that it configures for programs of the host runs there", async () => {
    const marks = await hostDirectory();
    const mark = (name: string) => `touch ${join(marks, name)}`;
    const script = (name: string) => `#!/bin/sh\n${mark(name)}\nexec "$@"\n`;
    const directory = await hostFiles({
      "evil.sh": script("program"),
      ".npmrc": `script-shell=./evil.sh\nnode-options=--require ./evil.cjs\ngit=./evil.sh\n`,
      ".yarnrc.yml": "yarnPath: ./evil.cjs\n",
      ".pnpmfile.cjs": `require("./evil.cjs")\n`,
      "evil.cjs": `require("child_process").execSync(${JSON.stringify(mark("node"))})\n`,
      "package.json": JSON.stringify({
        name: "x",
        version: "1.0.0",
        scripts: { test: "true", preinstall: "true" },
      }),
      "pyproject.toml":
        '[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["."]\n[tool.pytest.ini_options]\naddopts = "-p evil"\n',
      "evil.py": `import os\nos.system(${JSON.stringify(mark("python"))})\n`,
      "conftest.py": "import evil\n",
      "sitecustomize.py": "import evil\n",
      ".cargo/config.toml":
        '[build]\nrustc-wrapper = "./evil.sh"\nrustc = "./evil.sh"\n[target.x86_64-unknown-linux-gnu]\nrunner = "./evil.sh"\n',
      "Cargo.toml": '[package]\nname = "x"\nversion = "0.1.0"\n',
      "go.mod": "module x\ntoolchain go1.99\n",
      ".envrc": mark("envrc"),
      ".tool-versions": "nodejs path:./evil\n",
      "mise.toml": `[hooks]\nenter = "${mark("mise")}"\n`,
      ".gitattributes": "* filter=evil diff=evil\n",
      ".git/HEAD": "ref: refs/heads/main\n",
      ".git/objects/": "",
      ".git/refs/heads/": "",
      ".git/hooks/post-checkout": script("hook"),
      ".git/hooks/fsmonitor": script("fsmonitor-hook"),
      ".git/config": [
        `[core]\n\tfsmonitor = ${mark("fsmonitor")}\n\thooksPath = .git/hooks\n\tpager = ${mark("pager")}`,
        `\teditor = ${mark("editor")}\n\tsshCommand = ${mark("ssh")}\n\tgitProxy = ${mark("proxy")}`,
        `[filter "evil"]\n\tclean = ${mark("clean")}\n\tsmudge = ${mark("smudge")}\n\tprocess = ${mark("process")}\n\trequired = true`,
        `[diff "evil"]\n\ttextconv = ${mark("textconv")}\n[diff]\n\texternal = ${mark("diff")}`,
        `[alias]\n\tstatus = !${mark("alias")}\n[credential]\n\thelper = !${mark("helper")}\n[include]\n\tpath = ../included`,
      ].join("\n"),
      included: `[core]\n\tfsmonitor = ${mark("included")}\n`,
    });
    for (const program of ["evil.sh", ".git/hooks/post-checkout", ".git/hooks/fsmonitor"])
      await chmod(join(directory, program), 0o755);
    for (const name of ["git", "node", "npm", "python3", "sh", "cargo"]) {
      await fill(directory, { [name]: script(`path-${name}`) });
      await chmod(join(directory, name), 0o755);
    }
    // The trap works: whoever runs git there runs it.
    git(directory, "status");
    const sprung = await readdir(marks);
    expect(sprung).toEqual(["included"]);
    for (const name of sprung) await rm(join(marks, name));
    const out = join(await hostDirectory(), "out");
    const config = join(
      await hostFiles({
        "checks.yaml": JSON.stringify({
          ...{ setup: "true", build: "git status; true", checks: { seen: "test -f evil.sh && ls -A" } },
        }),
      }),
      "checks.yaml",
    );
    // Programs that are started where a candidate lies find its configs there.
    const run = (...flags: string[]) =>
      runCli(["validate", "--engine", "local", "--out", out, ...flags], { cwd: directory });
    expect(await run("--config", config)).toMatchObject({ exitCode: 0 });
    expect(await run("--config", config, "--no-git")).toMatchObject({ exitCode: 0 });
    // What is detected, too; what comes of it is not the point.
    await run("--network", "off", "--timeout", "3s");
    await run("--print-config");
    expect(await readdir(marks)).toEqual([]);
  });
});
