import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { systemCode } from "./errors.js";
import type { Slices } from "./slices.js";

/** A run of bytes that the disk has something for. */
export interface Range {
  start: number;
  end: number;
}

/** As many as a program is asked for at once: a file may have millions. */
const MOST = 1000;

// Reads "DESCRIPTOR OFFSET MOST", prints the ranges from there, and "." last when there are no more.
const PERL = `$| = 1;
while (<STDIN>) {
  my ($fd, $at, $most) = split; my @found; my $more = 1;
  open(my $file, "<", "/proc/$ARGV[0]/fd/$fd") or do { print "!\\n"; next };
  while (@found < 2 * $most) {
    my $start = sysseek($file, $at, 3); if (!defined $start) { $more = $! + 0 == 6 ? 0 : -1; last }
    my $end = sysseek($file, $start, 4); if (!defined $end) { $more = -1; last }
    push @found, $start + 0, $end + 0; $at = $end + 0;
  }
  print $more < 0 ? "!" : "@found" . ($more ? "" : " ."), "\\n";
}`;
const PYTHON = `import os, sys
for line in sys.stdin:
    fd, at, most = map(int, line.split()); found = []; more = ""
    try:
        file = os.open("/proc/%s/fd/%d" % (sys.argv[1], fd), os.O_RDONLY)
        try:
            while len(found) < 2 * most:
                try: start = os.lseek(file, at, os.SEEK_DATA)
                except OSError as error:
                    if error.errno != 6: raise
                    more = " ."; break
                at = os.lseek(file, start, os.SEEK_HOLE); found += [start, at]
        finally: os.close(file)
        print(" ".join(map(str, found)) + more, flush=True)
    except OSError: print("!", flush=True)`;
const PROGRAMS: readonly (readonly [string, ...string[]])[] = [
  ["perl", "-e", PERL],
  ["python3", "-I", "-S", "-c", PYTHON],
];

/**
 * Tells where a sparse file has data, which Node has no call for: asks one small program, started when first needed.
 * Close it.
 */
export class Holes {
  #program: Promise<Program | undefined> | undefined;

  /**
   * The next ranges of an open file from `offset` on, and whether those are all. Undefined where nothing here can
   * tell: read all of it then. Throws ABORTED.
   */
  async rangesFrom(
    descriptor: number,
    offset: number,
    slices: Slices,
  ): Promise<{ ranges: Range[]; last: boolean } | undefined> {
    this.#program ??= start();
    const program = await this.#program;
    const answer = await program?.ask(`${descriptor} ${offset} ${MOST}`, slices);
    if (answer === undefined || answer === "!") return undefined;
    const words = answer.split(" ").filter(Boolean);
    const last = words.at(-1) === ".";
    const numbers = (last ? words.slice(0, -1) : words).map(Number);
    const ranges: Range[] = [];
    for (let i = 0; i + 1 < numbers.length; i += 2) {
      ranges.push({ start: numbers[i] as number, end: numbers[i + 1] as number });
    }
    return { ranges, last };
  }

  async close(): Promise<void> {
    (await this.#program)?.close();
    this.#program = undefined;
  }
}

class Program {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    child.stdin?.on("error", () => undefined); // Its end is seen at its output.
  }

  /** Its answer; undefined when it has ended. */
  async ask(question: string, slices: Slices): Promise<string | undefined> {
    slices.throwIfAborted();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return undefined;
    const { signal } = slices;
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#lines.off("line", answered);
        this.#lines.off("close", ended);
        signal?.removeEventListener("abort", aborted);
      };
      const answered = (line: string) => {
        settle();
        resolve(line);
      };
      const ended = () => {
        settle();
        resolve(undefined);
      };
      const aborted = () => {
        settle();
        this.close();
        try {
          slices.throwIfAborted();
        } catch (error) {
          reject(error);
        }
      };
      this.#lines.on("line", answered);
      this.#lines.on("close", ended);
      signal?.addEventListener("abort", aborted);
      this.#child.stdin?.write(`${question}\n`);
    });
  }

  close(): void {
    this.#child.kill("SIGKILL");
  }
}

async function start(): Promise<Program | undefined> {
  if (process.platform !== "linux") return undefined;
  for (const [name, ...args] of PROGRAMS) {
    const child = spawn(name, [...args, String(process.pid)], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { PATH: process.env.PATH },
    });
    try {
      await once(child, "spawn");
      return new Program(child);
    } catch (error) {
      const code = systemCode(error);
      if (code !== "ENOENT" && code !== "EACCES") throw error;
    }
  }
  return undefined;
}
