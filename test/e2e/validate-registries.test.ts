import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../support/cli.js";
import { npmRegistry } from "../support/npm-registry.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { describeValidation } from "../support/validating.js";

const token = "npm_T0ken-of-the-operator";
const password = "pr0xy-passw0rd";
const netrcPassword = "netrc-passw0rd-1";

/** All that a token could lie in afterwards: files, and links by where they lead. */
const search = (text: string) =>
  `! grep -rlsF "$(printf ${text.slice(0, 4)}; printf '%s' '${text.slice(4)}')" /workspace /home /tmp /dev/shm /var/tmp /etc && ! env | grep -F "$(printf ${text.slice(0, 4)}; printf '%s' '${text.slice(4)}')"`;

const project = {
  "package.json": JSON.stringify({
    name: "app",
    version: "1.0.0",
    dependencies: { "private-sum": "1.0.0" },
  }),
};

await describeValidation("settings of private registries", () => {
  test("reach setup and build by the operator's word only, and are in nothing that is kept, printed or checked", async () => {
    const { url, proxy, served, refused } = await npmRegistry(token, password);
    const directory = await hostFiles(project);
    const settings = await hostFiles({
      npmrc: `registry=${url}\n//registry.test/:_authToken=\${MY_TOKEN}\nprefix=/no\n`,
      netrc: `machine registry.test login me password ${netrcPassword}\n`,
      "checks.json": JSON.stringify({
        setup: "npm install",
        build:
          'cat "$NPM_CONFIG_USERCONFIG" ~/.netrc "$NETRC"; echo "$HTTP_PROXY"; npm view private-sum version',
        checks: {
          sum: `node -e 'if (require("private-sum")(1, 1) !== 2) process.exit(1)'`,
          absent: [token, password, netrcPassword].map(search),
          unset:
            "! env | grep -E 'NPM_CONFIG|NETRC|FORKBOX' && ! test -e ~/.netrc && ! test -e /dev/shm/forkbox-registries",
        },
      }),
    });
    const state = await hostDirectory();
    const out = await hostDirectory();
    const env = {
      ...{ HTTP_PROXY: proxy, NPM_CONFIG_USERCONFIG: join(settings, "npmrc"), MY_TOKEN: token },
      ...{ NETRC: join(settings, "netrc"), FORKBOX_STATE_DIR: join(state, "state") },
      // npx, which this may run under, names another.
      npm_config_userconfig: undefined,
    };
    const args = ["validate", directory, "--config", join(settings, "checks.json"), "--engine", "local"];
    const all = [
      ...args,
      "--out",
      join(out, "out"),
      "--verbose",
      "--report",
      `json=${join(out, "report.json")}`,
    ];
    const given = await runCli(
      [...all, ...["npm", "netrc", "proxy"].flatMap((name) => ["--registry", name])],
      { env },
    );
    expect(given.exitCode, given.stdout + given.stderr).toBe(0);
    expect(given.stdout).toContain("_authToken=***");
    expect(given.stdout.match(/login me password \*\*\*/g)).toHaveLength(2);
    expect(served).toContain("/private-sum/-/private-sum-1.0.0.tgz");
    expect(refused).toEqual([]);
    // What was made with a token is kept for nobody, so that this one needs its own.
    const without = await runCli(all, { env });
    expect(without.exitCode).toBe(1);
    expect(without.stdout).toContain("setup: failed");
    expect(without.stdout + without.stderr).toContain("--registry proxy");
    const printed = given.stdout + given.stderr + without.stdout + without.stderr;
    for (const secret of [token, password, netrcPassword]) {
      expect(printed).not.toContain(secret);
      expect(filesWith(secret, [state, out, directory])).toEqual([]);
    }
  });

  test("can't be granted by a candidate's own config, and have to be there", async () => {
    const config = JSON.stringify({ registries: ["npm"], checks: { test: "true" } });
    const directory = await hostFiles({ "forkbox.yaml": config });
    const env = {
      HOME: await hostDirectory(),
      NPM_CONFIG_USERCONFIG: undefined,
      npm_config_userconfig: undefined,
    };
    const own = await runCli(["validate", directory], { env });
    expect(own).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--registry") });
    const trusted = await runCli(["validate", directory, "--trust-config"], { env });
    expect(trusted).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("there is no") });
  });
});

/** Paths of regular files below these that hold a text. */
function filesWith(text: string, directories: readonly string[]): string[] {
  return directories.flatMap((directory) =>
    readdirSync(directory, { recursive: true, encoding: "utf8" })
      .map((path) => join(directory, path))
      .filter(
        (path) => statSync(path, { throwIfNoEntry: false })?.isFile() && readFileSync(path).includes(text),
      ),
  );
}
