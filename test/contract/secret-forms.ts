import { describe, expect, test } from "vitest";
import { printfBytes } from "../support/bytes.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";

const value = 'dapi/8f3+"ab~7 Qz?k=92&';
const key = [
  "-----BEGIN KEY-----",
  "MIIEvQIBADANBgkqhkiG9w0BAQEF",
  "AASCBKcwggSjAgEAAoIBAQC7VJTU",
  "-----END KEY-----",
];
const bytes = Buffer.from(value);

const base64At = (before: number, encoding: "base64" | "base64url") =>
  Buffer.concat([Buffer.alloc(before, "x"), bytes, Buffer.from("tail")]).toString(encoding);
const wrapped = (text: string, width: number) =>
  text.match(new RegExp(`.{1,${width}}`, "g"))?.join("\n") ?? "";
const percent = encodeURIComponent(value);

/** Every form of the design, and the words that only a leak of it would show. */
const forms: [string, string][] = [
  ["raw", value],
  ["raw between other text", `token=${value}; end`],
  ["JSON-escaped", JSON.stringify({ token: value })],
  ["percent-encoded in upper case", percent],
  ["percent-encoded in lower case", percent.replace(/%../g, (code) => code.toLowerCase())],
  ["hex in lower case", bytes.toString("hex")],
  ["hex in upper case", bytes.toString("hex").toUpperCase()],
  ["base64", bytes.toString("base64")],
  ["base64 one byte in", base64At(1, "base64")],
  ["base64 two bytes in", base64At(2, "base64")],
  ["base64 three bytes in", base64At(3, "base64")],
  ["base64url", bytes.toString("base64url")],
  ["base64url one byte in", base64At(1, "base64url")],
  ["base64url two bytes in", base64At(2, "base64url")],
  ["base64 wrapped at 8", wrapped(bytes.toString("base64"), 8)],
  ["base64 wrapped at 5, two bytes in", wrapped(base64At(2, "base64"), 5)],
  ["a whole key", key.join("\n")],
  ["a line of a key", `found ${key[1]} here`],
  ["another line of a key", `${key[2]}`],
  ["a key in JSON", JSON.stringify(key.join("\n"))],
];

/** No six bytes of the secret in a row in any alphabet it may have been written in. */
function expectNoTrace(output: string, form: string): void {
  const squeezed = output.replaceAll("\n", "");
  const source = form.replaceAll("\n", "");
  for (const secret of secretsWithin(source)) {
    for (let start = 0; start + 12 <= secret.length; start++) {
      expect(squeezed, `shows ${secret.slice(start, start + 12)}`).not.toContain(
        secret.slice(start, start + 12),
      );
    }
  }
}

/** What of a printed form is the secret's own. */
function secretsWithin(source: string): string[] {
  const own = [value, percent, percent.replace(/%../g, (code) => code.toLowerCase()), ...key.slice(1, 3)];
  own.push(JSON.stringify(value).slice(1, -1), bytes.toString("hex"), bytes.toString("hex").toUpperCase());
  for (const encoding of ["base64", "base64url"] as const) {
    for (const before of [0, 1, 2]) {
      // Without the characters that the neighbours decide, too.
      const encoded = Buffer.concat([Buffer.alloc(before), bytes])
        .toString(encoding)
        .replaceAll("=", "");
      own.push(encoded.slice(before === 0 ? 0 : before + 1, -1));
    }
  }
  return own.filter((text) => source.includes(text));
}

/** A secret in every form, printed in every way: none of it comes out. */
export function describeSecretForms(engine: EngineUnderTest): void {
  describe("secret forms", () => {
    const setUp = async (sandbox: { withSecrets(vars: Record<string, string>): unknown }) =>
      sandbox.withSecrets({ TOKEN: value, KEY: key.join("\n") });
    const prepared = prepare(engine, {}, setUp);
    const capped = prepare(engine, { limits: { outputBytes: 64 } }, setUp);

    test.each(forms)("%s is redacted on both streams, in callbacks and in bytes", async (_what, form) => {
      expect(secretsWithin(form.replaceAll("\n", "")), "the form really holds the secret").not.toEqual([]);
      const sandbox = await prepared.fork();
      await sandbox.writeFile("form", form);
      let heard = "";
      const result = await sandbox.exec("cat form; echo; echo end; cat form >&2; exit 3", {
        onStdout: (chunk) => {
          heard += chunk;
        },
        onStderr: (chunk) => {
          heard += chunk;
        },
      });
      expect(result.exitCode).toBe(3);
      expect(result.stdout).toContain("***");
      expect(result.stdout.endsWith("end\n")).toBe(true);
      for (const output of [result.stdout, result.stderr, heard]) expectNoTrace(output, form);
      const raw = await sandbox.exec("cat form", { encoding: "bytes" });
      expectNoTrace(Buffer.from(raw.stdout).toString("latin1"), form);
    });

    test.each(forms)("%s is redacted when timing splits it", async (_what, form) => {
      const sandbox = await prepared.fork();
      const middle = Math.floor(Buffer.byteLength(form) / 2);
      const [first, second] = [Buffer.from(form).subarray(0, middle), Buffer.from(form).subarray(middle)];
      const chunks: string[] = [];
      const { stdout } = await sandbox.exec(
        `${printfBytes(first)}; sleep 0.1; ${printfBytes(second)}; echo end`,
        {
          onStdout: (chunk) => chunks.push(chunk),
        },
      );
      expectNoTrace(stdout, form);
      expectNoTrace(chunks.join(""), form);
      expect(stdout).toContain("***");
    });

    test.each(forms)(
      "%s is redacted in the error of a timeout, also cut in the middle by it",
      async (_what, form) => {
        const sandbox = await prepared.fork();
        await sandbox.writeFile("form", form);
        const cut = Math.floor(Buffer.byteLength(form) / 2);
        const error = await expectCode(
          sandbox.exec(`cat form; cat form >&2; head -c ${cut} form; sleep 60`, {
            timeoutMs: engine.deadlineMs,
          }),
          "TIMEOUT",
        );
        expect(error.stdout).toContain("***");
        expectNoTrace(
          `${error.stdout}${error.stderr}${error.message}${error.stack}${JSON.stringify(error)}`,
          form,
        );
      },
    );

    test("the output cap never shows a part of it, wherever it cuts", async () => {
      const sandbox = await capped.fork();
      const outputs = [];
      for (let padding = 0; padding <= 64; padding += 4) {
        const pad = (count: number) => `head -c ${count} /dev/zero | tr '\\0' .`;
        const print = 'printf %s "$TOKEN"';
        outputs.push(
          (await sandbox.exec(`${pad(padding)}; ${print}; ${pad(300)}; ${print}; ${pad(padding)}`)).stdout,
        );
      }
      for (const output of outputs) {
        expect(output.length).toBeGreaterThan(40);
        for (let start = 0; start + 6 <= value.length; start++) {
          expect(output).not.toContain(value.slice(start, start + 6));
        }
      }
    });

    test("a secret printed a byte at a time, and ten thousand times, is redacted", async () => {
      const sandbox = await prepared.fork();
      const slowly = [...bytes].map((byte) => printfBytes(Uint8Array.of(byte))).join("; sleep 0.01; ");
      expectNoTrace((await sandbox.exec(slowly)).stdout, value);
      const many = await sandbox.exec(
        'i=0; while [ $i -lt 10000 ]; do printf "%s\\n" "$TOKEN"; i=$((i+1)); done',
      );
      expect(many.stdout.includes(value.slice(0, 12))).toBe(false);
      expect(many.stdout.split("***").length).toBe(10_001);
    });
  });
}
