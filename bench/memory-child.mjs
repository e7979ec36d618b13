// The compiled library in a process of its own, so that its peak is that of this one command. Prints MiB.
const { Sandbox } = await import(process.argv[2]);
const GIBIBYTE = 1024 ** 3;
const command = `yes "a line of output like many others" | head -c ${GIBIBYTE}`;

const sandbox = await Sandbox.create({
  engine: "local",
  network: "off",
  secrets: { TOKEN: "a-secret-to-look-for-1234" },
});
let heard = 0;
await sandbox.exec(command, {
  onStdout: (text) => {
    heard += text.length;
  },
});
if (heard !== GIBIBYTE) throw new Error(`Of ${GIBIBYTE} bytes ${heard} were heard.`);
await sandbox.close();
process.stdout.write(String(process.resourceUsage().maxRSS / 1024));
