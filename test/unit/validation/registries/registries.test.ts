import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { callerProxies } from "../../../../src/engines/local/network/proxy.js";
import { readRegistries } from "../../../../src/validation/registries/registries.js";
import type { Registry } from "../../../../src/validation/registries/registry.js";
import { hostDirectory, hostFiles } from "../../../support/scratch.js";

const base64 = (text: string) => Buffer.from(text).toString("base64");

async function read(
  registry: Registry,
  files: Record<string, string>,
  env: (home: string) => Record<string, string> = () => ({}),
) {
  const home = await hostFiles({ "other.txt": "", ...files });
  return readRegistries([registry], { env: env(home), home });
}

/** What a tool that is told of the file by this variable reads in it. */
async function fileOf(
  { env, secrets, command }: Awaited<ReturnType<typeof read>>,
  name: string,
): Promise<string> {
  return execFileSync("sh", ["-c", command(`cat "$${name}"; rm -r /dev/shm/forkbox-registries`)], {
    env: { ...process.env, HOME: await hostDirectory(), ...env, ...secrets },
    encoding: "utf8",
  });
}

describe("npm's settings", () => {
  test("are its registries and logins, with variables filled in, and nothing of the host's", async () => {
    const found = await read(
      "npm",
      {
        ".npmrc":
          "; mine\nregistry = https://npm.example/\r\n@me:registry=https://user:p%40ssw0rd@me.example/\n" +
          `//npm.example/:_authToken=\${TOKEN}\n//me.example/:_password="${base64("s3cret-word")}"\n` +
          `_auth = ${base64("me:other-word")}\nscript-shell=/bin/evil\ncafile=/home/me/ca.pem\nprefix=/home/me\n`,
      },
      () => ({ TOKEN: "npm_abc\\def" }),
    );
    expect(found.env).toEqual({});
    expect(found.tokens).toEqual([
      ...["p%40ssw0rd", "p@ssw0rd", "npm_abc\\def", base64("s3cret-word"), "s3cret-word"],
      ...[base64("me:other-word"), "me:other-word", "other-word"],
    ]);
    expect(await fileOf(found, "NPM_CONFIG_USERCONFIG")).toBe(
      "registry=https://npm.example/\n@me:registry=https://user:p%40ssw0rd@me.example/\n" +
        `//npm.example/:_authToken=npm_abc\\def\n//me.example/:_password="${base64("s3cret-word")}"\n_auth=${base64("me:other-word")}\n`,
    );
  });

  test("without a token are no secret, so that what they made is cached", async () => {
    const found = await read("npm", { ".npmrc": "registry=https://npm.example/\n" });
    expect(found.secrets).toEqual({});
    expect(found.tokens).toEqual([]);
    expect(await fileOf(found, "NPM_CONFIG_USERCONFIG")).toBe("registry=https://npm.example/\n");
  });

  test("come from the file that NPM_CONFIG_USERCONFIG names, and a variable that is missing is said", async () => {
    const env = (home: string) => ({ NPM_CONFIG_USERCONFIG: join(home, "mine") });
    const found = await read("npm", { ".npmrc": "registry=https://a/", mine: "registry=https://b/" }, env);
    expect(await fileOf(found, "NPM_CONFIG_USERCONFIG")).toBe("registry=https://b/\n");
    await expect(read("npm", { ".npmrc": `//a/:_authToken=\${TOKEN}\n` })).rejects.toThrow(
      /says \$\{TOKEN\}, which is not set/,
    );
    await expect(read("npm", {})).rejects.toThrow(/there is no .*\.npmrc/);
  });
});

describe("pip's settings", () => {
  test("are merged in pip's order, its variables first", async () => {
    const files = {
      ".pip/pip.conf": "[global]\nindex-url = https://old.example/\ntrusted_host: pypi.example\n",
      ".config/pip/pip.conf":
        "[global]\nindex-url = https://me:t0ken-of-me@pypi.example/simple\nextra-index-url =\n    https://a.example/\n    https://t0ken-alone@b.example/\ncert = /home/me/ca.pem\n",
    };
    const found = await read("pip", files);
    expect(found.env).toEqual({ PIP_TRUSTED_HOST: "pypi.example" });
    expect(found.secrets).toEqual({
      PIP_INDEX_URL: "https://me:t0ken-of-me@pypi.example/simple",
      PIP_EXTRA_INDEX_URL: "https://a.example/ https://t0ken-alone@b.example/",
    });
    expect(found.tokens).toEqual(["t0ken-of-me", "t0ken-alone"]);
    const own = await read("pip", files, () => ({ PIP_INDEX_URL: "https://mine.example/" }));
    expect(own.env.PIP_INDEX_URL).toBe("https://mine.example/");
  });

  test("of a command win over general ones, and PIP_CONFIG_FILE stands for the caller's own", async () => {
    const files = {
      ".config/pip/pip.conf": "[install]\nindex-url = https://not.example/\n",
      "pip.conf":
        "[install]\nindex-url = https://install.example/\n[global]\nindex-url = https://global.example/\n",
    };
    const found = await read("pip", files, (home) => ({ PIP_CONFIG_FILE: join(home, "pip.conf") }));
    expect(found.env).toMatchObject({ PIP_INDEX_URL: "https://install.example/" });
  });
});

describe("netrc", () => {
  test("is brought whole but for its macros, its passwords are secrets, and its words are not", async () => {
    const text =
      'machine a.example\n  login me password "pass \\" word"\nmacdef init\npassword no-password\n\ndefault login you password s3cret-word account acc0unt-1';
    const found = await read("netrc", { ".netrc": text });
    expect(found.tokens).toEqual(['"pass \\" word"', 'pass " word', "s3cret-word", "acc0unt-1"]);
    expect(await fileOf(found, "NETRC")).toBe(`${text.replace(/macdef[\s\S]*\n\n/, "")}\n`);
  });
});

describe("proxies", () => {
  test("reach commands without their passwords, unless they are asked for", async () => {
    const env = {
      HTTPS_PROXY: "http://me:pr0xy-word@127.0.0.1:3128",
      http_proxy: "me:pr0xy-word@proxy.example:80",
      NO_PROXY: "a",
    };
    expect(callerProxies(env)).toEqual({
      environment: {
        HTTPS_PROXY: "http://127.0.0.1:3128/",
        http_proxy: "http://proxy.example/",
        NO_PROXY: "a",
      },
      loopback: [{ host: "127.0.0.1", port: 3128 }],
    });
    const found = await read("proxy", {}, () => env);
    expect(found.env).toEqual({ NO_PROXY: "a" });
    expect(found.secrets).toEqual({ HTTPS_PROXY: env.HTTPS_PROXY, http_proxy: env.http_proxy });
    expect(found.tokens).toEqual(["pr0xy-word"]);
    await expect(read("proxy", {})).rejects.toThrow(/neither HTTP_PROXY nor HTTPS_PROXY is set/);
  });
});

test("a registry that is none is refused", async () => {
  await expect(read("cargo" as Registry, {})).rejects.toThrow(/There are npm, pip, netrc, proxy/);
});
