import { describe, expect, it } from "vitest";
import { CappedOutput } from "../../../src/engines/output.js";
import { Redactor } from "../../../src/redaction/redactor.js";

const TOKEN = "dapi0123456789abcdef/+secret~value";
const KEY = `-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7bq\n"quoted\\line" é\nab\n-----END KEY-----\n`;

/** The same numbers in every run: a failure can be repeated. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

function wrap(text: string, columns: number, lineBreak: string): string {
  return (text.match(new RegExp(`.{1,${columns}}`, "g")) ?? []).join(lineBreak);
}

function percentOfEveryByte(value: string): string {
  return [...Buffer.from(value)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

/** The forms as programs make them; none of it is shared with the code under test. */
function printedForms(value: string): Record<string, string> {
  const hex = Buffer.from(value).toString("hex");
  const forms: Record<string, string> = {
    raw: value,
    json: JSON.stringify(value),
    percent: encodeURIComponent(value),
    "percent, lower case": encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase()),
    "percent, every byte": percentOfEveryByte(value),
    "percent, every byte, upper case": percentOfEveryByte(value).toUpperCase(),
    form: new URLSearchParams({ v: value }).toString(),
    hex,
    "hex, upper case": hex.toUpperCase(),
    "hex as xxd wraps it": wrap(hex, 60, "\n"),
  };
  for (const before of ["", "a", "ab", "user:"]) {
    for (const after of ["", "\n", "&x"]) {
      const bytes = Buffer.from(before + value + after);
      const name = `${JSON.stringify(before)} before, ${JSON.stringify(after)} after`;
      forms[`base64 ${name}`] = bytes.toString("base64");
      forms[`base64url ${name}`] = bytes.toString("base64url");
      for (const columns of [64, 76, 20, 1]) {
        forms[`base64 in ${columns} columns ${name}`] = wrap(bytes.toString("base64"), columns, "\n");
        forms[`base64url in ${columns} columns, CRLF ${name}`] = wrap(
          bytes.toString("base64url"),
          columns,
          "\r\n",
        );
      }
    }
  }
  return forms;
}

/** Fails when a run of six characters of a form, line breaks aside, can be read in the output. */
function expectNothingOf(form: string, output: string, decoration = ""): void {
  const flat = output.replace(/[\r\n]/g, "");
  const bare = form.replace(/[\r\n]/g, "");
  for (let at = 0; at + 6 <= bare.length; at++) {
    const part = bare.slice(at, at + 6);
    if (decoration.includes(part)) continue;
    expect(flat.includes(part), `${JSON.stringify(part)} in ${JSON.stringify(output)}`).toBe(false);
  }
}

function redactInChunks(redactor: Redactor, bytes: Buffer, nextSize: () => number): string {
  const stream = redactor.stream();
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = nextSize();
    parts.push(Buffer.from(stream.push(bytes.subarray(at, at + size))));
    at += size;
  }
  return Buffer.concat([...parts, stream.end()]).toString();
}

describe("redaction", () => {
  describe.each([
    ["a token", TOKEN],
    ["a key of several lines", KEY],
    ["a value of six bytes", "s3cr3t"],
    ["a value outside ASCII", "pässwörd-ключ-🔑"],
  ])("of %s", (_, value) => {
    const redactor = Redactor.of([value]);

    it.each(Object.entries(printedForms(value)))("masks it as %s", (_, form) => {
      const output = redactor.redactText(`before ${form} after`);
      expect(output).toMatch(/^before .*\*\*\*.* after$/s);
      expectNothingOf(value, output);
      // What is left of a form are the characters that its neighbours share with it.
      const left = output.slice("before ".length, -" after".length).replace(/\*\*\*|[\r\n]/g, "");
      expect(left.length).toBeLessThanOrEqual(16);
    });

    it("gives the same however the stream is split", () => {
      const random = randomNumbers(7);
      const bytes = Buffer.from(Object.values(printedForms(value)).join(" noise "));
      const whole = redactor.redactText(bytes.toString());
      expect(redactInChunks(redactor, bytes, () => 1)).toBe(whole);
      for (let run = 0; run < 20; run++) {
        expect(redactInChunks(redactor, bytes, () => 1 + random(90))).toBe(whole);
      }
    });

    it("shows no part of it on either side of a cut, wherever the cut is", () => {
      for (const form of [value, Buffer.from(`u:${value}`).toString("base64"), JSON.stringify(value)]) {
        const printed = `start-----${form}-----end`;
        for (let limit = 2; limit < printed.length * 2; limit++) {
          for (const text of [printed, `${printed} and ${printed}`]) {
            const capped = new CappedOutput(limit);
            capped.push(Buffer.from(text));
            const raw = capped.result();
            const shown = Buffer.from(redactor.redactOutput(raw, true)).toString();
            expectNothingOf(value, shown, "start----------end bytes dropped");
          }
        }
      }
    });
  });

  it("masks each long line of a multi-line value by itself, and leaves short ones", () => {
    const redactor = Redactor.of([KEY]);
    expect(redactor.redactText("x MIIEpAIBAAKCAQEA7bq y ab z")).toBe("x *** y ab z");
  });

  it("masks a value read from a file without the line break at its end", () => {
    const redactor = Redactor.of([`${TOKEN}\n`]);
    expect(redactor.redactText(`(${TOKEN})`)).toBe("(***)");
    expect(redactor.redactText(Buffer.from(TOKEN).toString("base64"))).toBe("***==");
  });

  it("masks overlapping secrets as one, and neighbours each", () => {
    const redactor = Redactor.of(["abcdefgh", "efghijkl"]);
    expect(redactor.redactText("_abcdefghijkl_")).toBe("_***_");
    expect(redactor.redactText("_abcdefghefghijkl_")).toBe("_******_");
    expect(redactInChunks(redactor, Buffer.from("_abcdefghijkl_"), () => 1)).toBe("_***_");
  });

  it("finds secrets that begin alike, and one inside another", () => {
    const redactor = Redactor.of(["token-1111", "token-2222", "xxtoken-1111yy"]);
    expect(redactor.redactText("token-1111 token-2222 token-3333")).toBe("*** *** token-3333");
    expect(redactor.redactText("xxtoken-1111yz xxtoken-1111yy")).toBe("xx***yz ***");
  });

  it("leaves text that no secret is in as it is", () => {
    const redactor = Redactor.of([TOKEN]);
    const text = "dapi0123456789abcdef/+secret~valu and ünïcode \ud800";
    expect(redactor.redactText(text)).toBe(text);
    expect(Redactor.none.redactText(text)).toBe(text);
  });

  it("masks exactly what a search at every place finds, in text where secrets begin all the time", () => {
    const random = randomNumbers(11);
    const letters = (length: number) => Array.from({ length }, () => "aab"[random(3)]).join("");
    for (let run = 0; run < 300; run++) {
      const secrets = [letters(6 + random(4)), letters(6 + random(9))];
      const text = letters(300);
      const redactor = Redactor.of(secrets);
      const masked = text.split("");
      for (const secret of secrets) {
        for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + 1)) {
          masked.fill("*", at, at + secret.length);
        }
      }
      // Neighbours keep a mask each; how many there are is another test's.
      const plain = (output: string) => output.replace(/\*+/g, "*");
      const expected = plain(masked.join(""));
      expect(plain(redactor.redactText(text))).toBe(expected);
      expect(plain(redactInChunks(redactor, Buffer.from(text), () => 1 + random(9)))).toBe(expected);
    }
  });

  it("does not take digits on lines of their own for a secret of digits", () => {
    expect(Redactor.of(["123456"]).redactText("1\n2\n3\n4\n5\n6\n")).toBe("1\n2\n3\n4\n5\n6\n");
  });

  it("holds back only what may be the beginning of a secret", () => {
    const stream = Redactor.of(["secret-value"]).stream();
    const push = (text: string) => Buffer.from(stream.push(Buffer.from(text))).toString();
    expect(push("line one\n")).toBe("line one\n");
    expect(push("line two sec")).toBe("line two ");
    expect(push("ond\n")).toBe("second\n");
    expect(push("secret-valu")).toBe("");
    expect(push("e.")).toBe("***.");
    expect(push("secret")).toBe("");
    expect(Buffer.from(stream.end()).toString()).toBe("secret");
  });

  it("masks the beginning of a secret where a stopped command's output ends", () => {
    const stream = Redactor.of(["secret-value"]).stream();
    expect(Buffer.from(stream.push(Buffer.from("at secret-va"))).toString()).toBe("at ");
    expect(Buffer.from(stream.end(true)).toString()).toBe("***");
  });

  it("keeps bytes that are no text", () => {
    const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 31) & 255));
    const stream = Redactor.of([TOKEN]).stream();
    expect(Buffer.concat([stream.push(bytes), stream.end()]).equals(bytes)).toBe(true);
  });

  it("holds back a bounded amount, also of endless line breaks after a beginning", () => {
    const stream = Redactor.of([TOKEN]).stream();
    const shown = stream.push(Buffer.from(`${Buffer.from(TOKEN).toString("base64").slice(0, 9)}`));
    expect(shown.length).toBe(0);
    expect(stream.push(Buffer.alloc(100_000, "\n")).length).toBe(100_009);
  });

  it("says how much was dropped where it was dropped", () => {
    const raw = { head: Buffer.from("head"), tail: Buffer.from("tail"), droppedBytes: 12 };
    expect(Buffer.from(Redactor.none.redactOutput(raw)).toString()).toBe(
      "head\n... 12 bytes dropped ...\ntail",
    );
  });

  it("does not redact values under six bytes", () => {
    expect(Redactor.of(["abcde"]).redactText("abcde")).toBe("abcde");
  });

  it("knows more values with `with`, and is itself when there is nothing new", () => {
    const redactor = Redactor.of(["secret-one"]);
    expect(redactor.with(["secret-one"])).toBe(redactor);
    expect(redactor.with(["secret-two"]).redactText("secret-one secret-two")).toBe("*** ***");
  });
});
