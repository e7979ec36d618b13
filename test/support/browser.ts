import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** A Chromium of this machine; undefined where there is none, which is said. */
export const browser = NAMES.find((name) => spawnSync(name, ["--version"]).status === 0);
if (browser === undefined)
  process.stderr.write(
    `\nSKIPPED: no browser is there (${NAMES.join(", ")}): what pages do in one is not tested\n`,
  );

/** The document that a real browser makes of a page, its scripts run. */
export async function documentOf(page: string, hash = ""): Promise<string> {
  const profile = await mkdtemp(join(tmpdir(), "forkbox-browser-"));
  try {
    const { stdout } = await promisify(execFile)(
      browser ?? "chromium",
      [
        ...["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`],
        ...["--virtual-time-budget=3000", "--dump-dom", `${pathToFileURL(page).href}${hash}`],
      ],
      { timeout: 50_000, maxBuffer: 64 * 1024 * 1024 },
    );
    return stdout;
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
