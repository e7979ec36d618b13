// A program that is killed while a command of it runs: `node killed.mjs <index.js> <base as JSON> <mark>`.
// Plain JavaScript: it runs in a Node of its own, without the test runner.
const [index, base, mark] = process.argv.slice(2);
const { Sandbox } = await import(index);

const sandbox = await Sandbox.create({
  engine: "dagger",
  ...(base !== "null" && { base: JSON.parse(base) }),
});
await sandbox.exec("echo ready; setsid sleep 1000 & sleep 1000", {
  env: { FORKBOX_TEST_MARK: mark },
  onStdout: (text) => process.stdout.write(text),
});
