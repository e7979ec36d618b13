import { Sandbox } from "../src/index.js";

// A process of its own, so that its peak is that of this one command. Prints MiB.
const GIBIBYTE = 1024 ** 3;
const command = `yes "a line of output like many others" | head -c ${GIBIBYTE}`;

await using sandbox = await Sandbox.create({
  engine: "local",
  network: "off",
  secrets: { TOKEN: "a-secret-to-look-for-1234" },
});
let heard = 0;
const { droppedBytes, stdout } = await sandbox.exec(command, {
  onStdout: (text) => {
    heard += text.length;
  },
});
if (heard !== GIBIBYTE || droppedBytes.stdout + stdout.length !== GIBIBYTE)
  throw new Error(`Of ${GIBIBYTE} bytes ${heard} were heard and ${droppedBytes.stdout} dropped.`);
process.stdout.write(String(process.resourceUsage().maxRSS / 1024));
