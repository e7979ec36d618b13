import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** Every TypeScript example of the docs and the docstrings, compiled against the sources as a user would see them. */
test("the examples in docs and docstrings compile", () => {
  const examples = new Map(
    [...markdown(), ...sources()].flatMap((file) =>
      examplesOf(readFileSync(file, "utf8")).map((code, i) => [
        join(root, "src", `example-${relative(root, file).replaceAll("/", "-")}-${i}.ts`),
        code,
      ]),
    ),
  );
  expect(examples.size).toBeGreaterThan(5);
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  options.paths = { forkbox: [join(root, "src/index.ts")] };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => examples.has(file) || fileExists(file);
  host.readFile = (file) => examples.get(file) ?? readFile(file);
  host.getSourceFile = (file, ...rest) => {
    const code = examples.get(file);
    return code === undefined
      ? getSourceFile(file, ...rest)
      : ts.createSourceFile(file, code, ts.ScriptTarget.ES2023, true);
  };
  const program = ts.createProgram([...examples.keys()], options, host);
  const errors = [...examples.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    return ts
      .getPreEmitDiagnostics(program, source)
      .map(
        ({ messageText }) =>
          `${relative(root, file)}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}\n${examples.get(file)}`,
      );
  });
  expect(errors.join("\n\n")).toBe("");
});

function examplesOf(text: string): string[] {
  const plain = text.replaceAll(/^[ \t]*\*[ \t]?/gm, "");
  return [...plain.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code = ""]) => withContext(code));
}

/** What a reader of a docstring takes as given: the imports, a sandbox. */
function withContext(code: string): string {
  const names = ["Sandbox", "SandboxError", "local", "dagger", "validate", "databricksEnv"].filter(
    (name) => new RegExp(`\\b${name}\\b`).test(code) && !new RegExp(`import[^;]*\\b${name}\\b`).test(code),
  );
  const given = /\bsandbox\b/.test(code) && !/\b(const|using|let) sandbox\b/.test(code);
  return [
    names.length > 0 ? `import { ${names.join(", ")} } from "forkbox";\n` : "",
    given ? 'import type { Sandbox as Given } from "forkbox";\ndeclare const sandbox: Given;\n' : "",
    code,
    "\nexport {};\n",
  ].join("");
}

function markdown(): string[] {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return [join(root, "README.md"), ...docs.map((name) => join(root, "docs", name))];
}

function sources(): string[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(root, "src", name));
}
