// Which room of src/ may use which. Arrows point down this list, never up and never across:
//
//   cli → mcp → validation → sandbox → engines, host → files, arguments → redaction → the ground
//
// The ground is what lies in src/ itself, and src/programs: what other processes run. Each rule says why it is there;
// that is printed where it is broken. "npm run check:house" checks them.

const GROUND = "[^/]+\\.ts|programs/";
const BELOW = {
  mcp: ["validation", "sandbox", "engines", "host", "files", "arguments", "redaction"],
  validation: ["sandbox", "engines", "host", "files", "arguments", "redaction"],
  sandbox: ["engines", "host", "files", "arguments", "redaction"],
  engines: ["files", "arguments", "redaction"],
  host: ["files", "arguments", "redaction"],
  files: ["redaction"],
  arguments: ["redaction"],
  redaction: [],
};
const WHY = {
  mcp: "Agents meet forkbox through the same operations as everybody: what the command line draws and reads is not theirs.",
  validation:
    "validation is a user of sandboxes: what it shares with a front of its own, the CLI, lies in it.",
  sandbox:
    "A sandbox knows nobody who uses it: else the package could not be used without validation and CLI.",
  engines:
    "An engine keeps snapshots and runs commands. It knows no sandbox and no host boundary: whoever writes another one has src/engine.ts to go by, and what both sides of an import share is in src/files.",
  host: "The host's side of import and export works the same whatever engine is on the other: it knows none.",
  files: "Engines and the host boundary share src/files: it may know neither.",
  arguments: "What is valid is said once, for all who take arguments: it may know none of them.",
  redaction: "Everything may have to be redacted: redaction may depend on nothing that prints.",
};

const layers = Object.entries(BELOW).map(([room, below]) => ({
  name: `layers-${room}`,
  severity: "error",
  comment: `${WHY[room]} From src/${room} imports may lead to ${[...below, "the ground"].join(", ")}. Move what both need into the lower room, or pass it in.`,
  from: { path: `^src/${room}/` },
  to: {
    path: "^src/",
    pathNot: `^src/(${[...[room, ...below].map((name) => `${name}/`), GROUND].join("|")})`,
  },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: "no-circle",
      severity: "error",
      comment:
        "Files that import each other, types included, can only be understood together. What they share (a type, an error, a context) is a small file below both.",
      from: {},
      to: { circular: true },
    },
    {
      name: "layers-ground",
      severity: "error",
      comment:
        "Everything stands on src/*.ts: errors, options, the seam of the engines, timers. These may know no room. (src/index.ts is no ground: it is what the package shows.)",
      from: { path: "^src/[^/]+\\.ts$", pathNot: "^src/index\\.ts$" },
      to: { path: "^src/[^/]+/" },
    },
    {
      name: "layers-programs",
      severity: "error",
      comment:
        "Other processes run src/programs, with plain Node or sh and nothing of forkbox around them: they may import only each other.",
      from: { path: "^src/programs/" },
      to: { path: "^src/", pathNot: "^src/programs/" },
    },
    {
      name: "index-is-the-top",
      severity: "error",
      comment:
        "src/index.ts is the package's public surface: it imports nearly everything, so whoever imports it is in a circle sooner or later. Import from where it is.",
      from: { path: "^src/" },
      to: { path: "^src/index\\.ts$" },
    },
    {
      name: "index-knows-no-cli",
      severity: "error",
      comment: "The package can be imported without the command line and what that needs.",
      from: { path: "^src/index\\.ts$" },
      to: { path: "^src/cli/" },
    },
    {
      name: "engines-apart",
      severity: "error",
      comment:
        "One engine can be changed, or taken away, without reading the other. What both need lies beside them in src/engines, or below.",
      from: { path: "^src/engines/(local|dagger)/" },
      to: { path: "^src/engines/(local|dagger)/", pathNot: "^src/engines/$1/" },
    },
    {
      name: "engine-rooms-below-their-session",
      severity: "error",
      comment:
        "An engine's session and index hold all of its rooms together, so a room that knows them knows everything. It says what it needs of them as an interface of its own, like layers/trees.ts.",
      from: { path: "^src/engines/(local|dagger)/[^/]+/" },
      to: {
        path: "^src/engines/$1/(index|session|pool|admin|capabilities)\\.ts$",
      },
    },
    {
      name: "engines-through-the-seam",
      severity: "error",
      comment:
        "Nothing outside of the engines asks which one it is: it has an Engine of src/engine.ts, from engines/choose.ts, or the admins of engines/admin.ts. Only where a user names one, in src/index.ts and the CLI's --engines, it is imported.",
      from: { path: "^src/", pathNot: "^src/(engines/|index\\.ts$|cli/sandbox-flags\\.ts$)" },
      to: { path: "^src/engines/(local|dagger)/" },
    },
  ],
  options: {
    tsPreCompilationDeps: true, // imports of types count
    tsConfig: { fileName: "tsconfig.json" },
    includeOnly: "^src/",
    enhancedResolveOptions: { extensions: [".ts", ".mjs", ".js"] },
  },
};
