import { describe, expect, test } from "vitest";
import { detectConfig } from "../../../../src/validation/detect/detect.js";
import { hostFiles } from "../../../support/scratch.js";

const tested = "#[test]\nfn a() {}\n";
const crate = "[package]\nname = 'x'\n";

async function detected(files: Record<string, string>) {
  return detectConfig(await hostFiles(files));
}

describe("a Go project", () => {
  test("is vetted and tested once what it requires is there", async () => {
    const files = {
      "go.mod": "module x\n\nrequire y v1.0.0\n",
      "a.go": "package x",
      "a_test.go": "package x",
    };
    expect(await detected(files)).toMatchObject({
      setup: { run: ["go mod download"] },
      build: ["go build ./...", "go test -exec=true ./..."],
      checks: { vet: "go vet ./...", test: "go test ./..." },
    });
    const vendored = await detected({ ...files, "vendor/modules.txt": "" });
    expect(vendored).not.toHaveProperty("setup");
  });

  test("without a test file has no test check", async () => {
    const { checks } = await detected({
      "go.mod": "module x\n",
      "a.go": "package x",
      "testdata/a_test.go": "",
    });
    expect(checks).toEqual({ vet: "go vet ./..." });
  });

  test("has its other modules checked where they have tests", async () => {
    const { checks } = await detected({
      ...{ "go.mod": "module x\n", "a.go": "package x" },
      ...{ "api/go.mod": "module y\n", "api/v1/a_test.go": "package y" },
      ...{ "tools/go.mod": "module z\n", "tools/a.go": "package z" },
      ...{ "examples/go.mod": "module e\n", "examples/a_test.go": "package e" },
    });
    expect(checks).toEqual({
      vet: "go vet ./...",
      "api-vet": "cd api && go vet ./...",
      "api-test": "cd api && go test ./...",
    });
  });

  test("that is a workspace is checked in the modules that it names", async () => {
    const config = await detected({
      "go.work": "go 1.22\n\nuse (\n\t./a // first\n\t./b\n)\n",
      ...{ "a/go.mod": "module a\n\nrequire y v1.0.0\n", "a/a_test.go": "package a" },
      ...{ "b/go.mod": "module b\n", "b/b.go": "package b" },
      ...{ "c/go.mod": "module c\n", "c/c_test.go": "package c" },
    });
    expect(config).toMatchObject({
      setup: { run: ["go mod download"] },
      build: ["cd a && go test -exec=true ./...", "cd b && go build ./..."],
    });
    expect(Object.keys(config.checks ?? {})).toEqual(["a-vet", "a-test", "b-vet"]);
  });
});

describe("a Rust project", () => {
  test("is fetched by its manifests, with stand-ins for its targets that are gone before its sources come", async () => {
    const config = await detected({
      "Cargo.toml": `${crate}[workspace]\nmembers = ['a']\n[[bench]]\nname = 'speed'\n[lib]\npath = 'lib.rs'\n`,
      ...{ "Cargo.lock": "", "lib.rs": tested, "benches/speed.rs": "", "src/other.rs": "" },
      ...{ "a/Cargo.toml": crate, "a/src/main.rs": "" },
    });
    expect(config).toEqual({
      setup: {
        run: [
          "mkdir -p a/src benches",
          "touch a/src/main.rs benches/speed.rs lib.rs",
          "cargo fetch --locked",
          "rm a/src/main.rs benches/speed.rs lib.rs",
        ],
        files: ["**/Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain", "rust-toolchain.toml"],
      },
      build: ["cargo test --offline --workspace --no-run"],
      checks: { test: "cargo test --offline --workspace" },
    });
  });

  test.each([
    ["is tested as it is where it is one crate", crate, "cargo test --offline"],
    ["is tested as a whole where it is a virtual workspace", "[workspace]\n", "cargo test --offline"],
    [
      "is tested by its default members where it names them",
      `${crate}[workspace]\ndefault-members = ['.']\n`,
      "cargo test --offline",
    ],
  ])("%s", async (_, manifest, run) => {
    const { checks } = await detected({ "Cargo.toml": manifest, "src/lib.rs": tested });
    expect(checks).toEqual({ test: run });
  });

  test("is linted and formatted where it says so, as far as the tools are there", async () => {
    const ci =
      "jobs:\n  lint:\n    steps:\n      - run: cargo clippy --all-features -- -D warnings\n      - run: cargo fmt --check\n";
    const { checks } = await detected({
      ...{ "Cargo.toml": crate, "src/lib.rs": "", ".github/workflows/ci.yml": ci },
    });
    expect(checks).toEqual({
      lint: expect.stringMatching(
        /^if cargo clippy --version; then cargo clippy --offline --all-features -- -D warnings; else/,
      ),
      format: expect.stringMatching(/^if cargo fmt --version; then cargo fmt --all --check; else/),
    });
  });

  test("is tested with nextest where that is configured and there", async () => {
    const files = { "Cargo.toml": crate, "src/lib.rs": tested, ".config/nextest.toml": "" };
    expect((await detected(files)).checks).toEqual({
      test: "if cargo nextest --version; then cargo nextest run --offline; else cargo test --offline; fi",
    });
  });

  test("without a test has nothing to check", async () => {
    await expect(detected({ "Cargo.toml": crate, "src/main.rs": "fn main() {}\n" })).rejects.toThrow(
      /nothing to check/,
    );
  });
});

describe("a Java project", () => {
  test("of Maven's gets what its tests need in the build, and is tested without a network", async () => {
    const files = { "pom.xml": "<project/>", "src/test/java/ATest.java": "" };
    const config = await detected(files);
    expect(config.build).toEqual([expect.stringContaining("mvn -B -q test '-Dtest=")]);
    expect(config.checks).toEqual({ test: "mvn -B --offline test" });
    const wrapped = await detected({ ...files, mvnw: "", ".mvn/wrapper/maven-wrapper.properties": "" });
    expect(wrapped.checks).toEqual({ test: "sh ./mvnw -B --offline test" });
  });

  test("of Gradle's gets in the build what its tests need when they run, and is tested without a network", async () => {
    const files = {
      ...{ "settings.gradle.kts": "", "app/build.gradle.kts": "plugins { java }" },
      "app/src/test/kotlin/ATest.kt": "",
    };
    const config = await detected(files);
    expect(config).not.toHaveProperty("setup");
    expect(config.build).toEqual([
      expect.stringContaining("forkboxDependencies"),
      "gradle --no-daemon --init-script /tmp/forkbox-dependencies.gradle testClasses forkboxDependencies",
    ]);
    expect(config.checks).toEqual({ test: "gradle --no-daemon --offline cleanTest test" });
  });

  test("of Gradle's with a wrapper has the Gradle that it names kept by setup, and by no source", async () => {
    const wrapper = {
      ...{ gradlew: "#!/bin/sh\n", "gradle/wrapper/gradle-wrapper.jar": "" },
      "gradle/wrapper/gradle-wrapper.properties": "",
    };
    const files = { "build.gradle": "apply plugin: 'java'", "src/test/java/ATest.java": "" };
    expect(await detected({ ...files, ...wrapper })).toMatchObject({
      setup: { run: ["sh ./gradlew --no-daemon --version"], files: ["gradlew", "gradle/wrapper/**"] },
      checks: { test: "sh ./gradlew --no-daemon --offline cleanTest test" },
    });
    const old = await detected({ ...files, ...wrapper, gradlew: "#!/usr/bin/env bash\n" });
    expect(old.checks).toEqual({ test: "bash ./gradlew --no-daemon --offline cleanTest test" });
    const { "gradle/wrapper/gradle-wrapper.jar": _, ...noJar } = wrapper;
    const installed = await detected({ ...files, ...noJar });
    expect(installed.checks).toEqual({ test: "gradle --no-daemon --offline cleanTest test" });
  });

  test("of both Maven's and Gradle's is run with the one whose wrapper it brings", async () => {
    const both = { "pom.xml": "<project/>", "build.gradle": "", "src/test/java/ATest.java": "" };
    expect((await detected(both)).checks).toEqual({ test: "mvn -B --offline test" });
    expect((await detected({ ...both, gradlew: "" })).checks).toEqual({
      test: "gradle --no-daemon --offline cleanTest test",
    });
  });

  test("of Gradle's that builds for Android is told what that takes", async () => {
    const files = {
      ...{ "settings.gradle": "", "app/build.gradle": "plugins { id 'com.android.application' }" },
      "app/src/test/java/ATest.java": "",
    };
    await expect(detected(files)).rejects.toThrow(/app\/build\.gradle builds for Android/);
  });
});
