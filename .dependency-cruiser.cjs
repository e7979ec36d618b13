module.exports = {
  forbidden: [{ name: "no-circle", severity: "error", from: {}, to: { circular: true } }],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    includeOnly: "^src",
    enhancedResolveOptions: { extensions: [".ts", ".mjs", ".js"] },
  },
};
