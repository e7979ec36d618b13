import type { Capabilities } from "../../engine.js";

const NO_LIMIT =
  "Dagger's API sets no limits on commands. Limit the engine's own container, or use the local engine.";

/** What any Dagger engine can honour. */
export const CAPABILITIES: Capabilities = {
  liveOutput: "text",
  bases: {
    image: true,
    dockerfile: true,
    rootfs: true,
    archive: true,
    host: "only the local engine shows this machine's own tools. Name an {image}, {dockerfile}, {rootfs} or {archive}.",
  },
  users: { sandbox: true, root: true },
  network: {
    on: true,
    off: "a Dagger engine gives every command its network. Use the local engine for what must have none.",
    host: "a Dagger engine runs commands in a network of its own. Use the local engine.",
  },
  limits: {
    memoryMiB: NO_LIMIT,
    cpus: NO_LIMIT,
    processes: `${NO_LIMIT} (ulimit counts the processes of all sandboxes of an engine together.)`,
    diskMiB: NO_LIMIT,
    outputBytes: true,
  },
  caches: true,
  services:
    "forkbox runs no services on Dagger engines yet. Use the local engine, or start the server in the command that uses it.",
};
