import { expect, onTestFinished, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeWalls } from "../support/local-walls.js";
import { uniqueWord } from "../support/scratch.js";
import { within } from "../support/within.js";

const call = { x64: { send: 46, receive: 47 }, arm64: { send: 211, receive: 212 } }[
  process.arch as "x64" | "arm64"
];

/** "pass DESCRIPTOR": through a socket. "keep DESCRIPTOR": prints what comes from it if it was 0, else writes to it. */
const passing = `
use Socket;
$| = 1;
my ($what, $descriptor, $path) = @ARGV;
socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
if ($what eq "pass") {
  connect($socket, sockaddr_un($path)) or die "connect: $!";
  message(${call?.send}, $socket, $descriptor);
  sysread($socket, my $kept, 1) == 1 or die "nobody has kept it";
  exit;
}
bind($socket, sockaddr_un($path)) && listen($socket, 1) or die "bind: $!";
print "waiting\\n";
accept(my $from, $socket) or die "accept: $!";
my $kept = message(${call?.receive}, $from, 0);
open(my $pipe, $descriptor == 0 ? "<&=" : ">&=", $kept) or die "open: $!";
$SIG{PIPE} = "IGNORE";
syswrite($from, "x");
for (;;) {
  if ($descriptor == 0) { print $bytes while sysread($pipe, $bytes, 100); }
  else { syswrite($pipe, "intruder\\n"); }
  select(undef, undef, undef, 0.01);
}

sub message {
  my ($call, $socket, $descriptor) = @_;
  my $byte = pack("a", "x");
  my $vector = pack("P Q", $byte, 1);
  my $control = pack("Q i i i x4", 20, SOL_SOCKET, SCM_RIGHTS, $descriptor);
  my $message = pack("Q L x4 P Q P Q i x4", 0, 0, $vector, 1, $control, 24, 0);
  syscall($call, fileno($socket), $message, 0) == 1 or die "message: $!";
  return unpack("x16 i", $control);
}
`;

await describeWalls("a pipe that a command passes on to another sandbox", ({ user, network }) => {
  /** A sandbox whose command has passed a descriptor on, what that has printed, and what its keeper prints. */
  async function passOn(descriptor: 0 | 1) {
    const caches = { [uniqueWord("cache")]: "/shared" };
    const open = async () => {
      const sandbox = await Sandbox.create({ engine: "local", user, network, caches });
      onTestFinished(() => sandbox.close());
      await sandbox.writeFile("passing.pl", passing);
      return sandbox;
    };
    const [sandbox, other] = [await open(), await open()];
    const kept = { text: "" };
    await new Promise<void>((resolve, reject) => {
      const onStdout = (text: string) => {
        kept.text += text;
        resolve();
      };
      other.exec(`exec perl passing.pl keep ${descriptor} /shared/socket`, { onStdout }).catch(reject);
    });
    const pass = `echo its own; exec perl passing.pl pass ${descriptor} /shared/socket`;
    const { exitCode, stdout, stderr } = await within(sandbox.exec(pass, { stdin: "" }));
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/^its own\n/);
    return { sandbox, kept };
  }

  const next = { stdin: "the input of the next\n" };
  const expectAlone = async (sandbox: Sandbox) => {
    for (let time = 0; time < 3; time++)
      expect((await sandbox.exec("sleep 0.2; cat; echo done", next)).stdout).toBe(`${next.stdin}done\n`);
  };

  test.skipIf(call === undefined)("holds its command up no longer, and leads to no later one", async () => {
    const { sandbox } = await passOn(1);
    await expectAlone(sandbox);
  });

  test.skipIf(call === undefined)("has nothing of what a later one is given", async () => {
    const { sandbox, kept } = await passOn(0);
    await expectAlone(sandbox);
    expect(kept.text).toBe("waiting\n");
  });
});
