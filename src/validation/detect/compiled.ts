import { join } from "node:path";
import { hasCandidateFile, readCandidateFile } from "../config/candidate-file.js";
import type { Detected } from "./detected.js";

/** go.mod. */
export async function detectGo(directory: string): Promise<Detected | undefined> {
  const module = await readCandidateFile(join(directory, "go.mod"));
  if (module === undefined) return undefined;
  return {
    language: "go",
    setup: /^[ \t]*require\b/m.test(module) ? ["go mod download"] : [],
    build: ["go build ./..."],
    checks: { vet: "go vet ./...", test: "go test ./..." },
  };
}

/** Cargo.toml. */
export async function detectCargo(directory: string): Promise<Detected | undefined> {
  if (!(await hasCandidateFile(join(directory, "Cargo.toml")))) return undefined;
  const locked = await hasCandidateFile(join(directory, "Cargo.lock"));
  return {
    language: "cargo",
    setup: [locked ? "cargo fetch --locked" : "cargo fetch"],
    // cargo reads no manifest whose target files are missing.
    setupFiles: ["**/Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain", "rust-toolchain.toml", "**/*.rs"],
    build: ["cargo build --offline --all-targets"],
    checks: { test: "cargo test --offline" },
  };
}
