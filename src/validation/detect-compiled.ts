import { join } from "node:path";
import { readCandidateFile } from "./candidate-file.js";
import type { Detected } from "./detect.js";

/** go.mod. */
export async function detectGo(directory: string): Promise<Detected | undefined> {
  const module = await readCandidateFile(join(directory, "go.mod"));
  if (module === undefined) return undefined;
  return {
    language: "go",
    setup: /^\s*require\b/m.test(module) ? ["go mod download"] : [],
    build: ["go build ./..."],
    checks: { vet: "go vet ./...", test: "go test ./..." },
  };
}

/** Cargo.toml. */
export async function detectCargo(directory: string): Promise<Detected | undefined> {
  if ((await readCandidateFile(join(directory, "Cargo.toml"))) === undefined) return undefined;
  const locked = (await readCandidateFile(join(directory, "Cargo.lock"))) !== undefined;
  return {
    language: "cargo",
    setup: [locked ? "cargo fetch --locked" : "cargo fetch"],
    // cargo reads no manifest whose target files are missing.
    setupFiles: ["**/Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain", "rust-toolchain.toml", "**/*.rs"],
    build: ["cargo build --offline --all-targets"],
    checks: { test: "cargo test --offline" },
  };
}
