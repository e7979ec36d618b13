// A program that uses forkbox and is killed while it does: `node victim.mjs <index.js> <what> <host directory>`.
// Plain JavaScript: it runs in a Node of its own, without the test runner.
const [index, what, host] = process.argv.slice(2);
const { Sandbox } = await import(index);

const sandbox = await Sandbox.create({ engine: "local", limits: { memoryMiB: 512 } }).catch(() =>
  Sandbox.create({ engine: "local" }),
);
await sandbox.exec(
  "head -c 20M /dev/zero > big; mkdir many; cd many; seq 400 | while read n; do echo $n > f$n; done",
);

const rounds = {
  exec: () => sandbox.exec("setsid sleep 1000 & sleep 1000 & echo working; sleep 0.3", { network: "on" }),
  import: (round) => sandbox.refreshFromHost(host, `/workspace/in-${round}`),
  export: (round) => sandbox.exportDirectory("/workspace/many", `${host}-out/${round}`),
  services: () => sandbox.exec("sleep 0.1"),
  flatten: (round) => sandbox.exec(`rm -rf d; mkdir d; echo ${round} > d/f`, { network: "off" }),
};

if (what === "services") {
  const serve = "trap '' TERM; setsid sleep 1000 & echo up; while :; do sleep 0.1; done";
  const ready = { log: /up/ };
  for (const name of ["a", "b"]) await sandbox.start(serve, { name, ready });
  const listen = 'require("net").createServer().listen(3000)';
  await sandbox.start(["node", "-e", listen], { name: "web", ready: { port: 3000 }, publish: true });
  void fetch(sandbox.service("web").url).catch(() => {}); // so that there is what connects, too
}

if (what === "once") {
  await sandbox.close();
} else {
  console.log("ready");
  for (let round = 0; ; round++) await rounds[what](round);
}
