import { join } from "node:path";
import { hasCandidateFile, readCandidateFile } from "../config/candidate-file.js";
import type { Detected } from "./detected.js";

/** go.mod. */
export async function detectGo(directory: string): Promise<Detected | undefined> {
  const module = await readCandidateFile(join(directory, "go.mod"));
  if (module === undefined) return undefined;
  const because = "go.mod";
  return {
    language: "go",
    setup: /^[ \t]*require\b/m.test(module)
      ? [{ run: "go mod download", because: "go.mod requires modules" }]
      : [],
    install: [],
    build: [{ run: "go build ./...", because }],
    checks: { vet: { run: "go vet ./...", because }, test: { run: "go test ./...", because } },
  };
}

/** Cargo.toml. */
export async function detectCargo(directory: string): Promise<Detected | undefined> {
  if (!(await hasCandidateFile(join(directory, "Cargo.toml")))) return undefined;
  const locked = await hasCandidateFile(join(directory, "Cargo.lock"));
  return {
    language: "cargo",
    setup: [
      locked
        ? { run: "cargo fetch --locked", because: "Cargo.lock" }
        : { run: "cargo fetch", because: "Cargo.toml, without a Cargo.lock" },
    ],
    // cargo reads no manifest whose target files are missing.
    setupFiles: ["**/Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain", "rust-toolchain.toml", "**/*.rs"],
    install: [],
    build: [{ run: "cargo build --offline --all-targets", because: "Cargo.toml" }],
    checks: { test: { run: "cargo test --offline", because: "Cargo.toml" } },
  };
}
