import { expect } from "vitest";
import { testWith, toolchain } from "../support/toolchains.js";
import { describeValidation, printed, validateFiles } from "../support/validating.js";

const go = toolchain("go");
const cargo = toolchain("cargo");
const maven = toolchain("mvn");
const gradle = toolchain("gradle");

await describeValidation("a compiled project without a config", () => {
  testWith(go, "Go", "in Go is vetted and tested, each of its modules", async (base) => {
    const test = (name: string, wanted: number) =>
      `package ${name}\n\nimport "testing"\n\nfunc TestSum(t *testing.T) {\n\tif 1+1 != ${wanted} {\n\t\tt.Fatal("no sum")\n\t}\n}\n`;
    const { verdicts, events, check } = await validateFiles(
      {
        "go.mod": "module demo\n\ngo 1.19\n",
        "demo.go": "package demo\n",
        "demo_test.go": test("demo", 2),
        "api/go.mod": "module api\n\ngo 1.19\n",
        "api/api_test.go": test("api", 3),
      },
      { base },
    );
    expect(verdicts).toEqual({
      ...{ build: "passed", vet: "passed", test: "passed" },
      ...{ "api-vet": "passed", "api-test": "failed" },
    });
    expect(printed(events, "api-test")).toContain("--- FAIL: TestSum");
    // Tests that were only built have not passed.
    expect(check("build").tests).toBeUndefined();
    expect(check("test").tests).toEqual({ passed: 1, failed: 0, skipped: 0 });
  });

  testWith(cargo, "cargo", "in Rust is fetched before its sources are there, and tested", async (base) => {
    const files = (wanted: number) => ({
      "Cargo.toml":
        '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n\n[workspace]\nmembers = ["tool"]\n\n[[bin]]\nname = "extra"\n',
      "src/bin/extra.rs": "fn main() {}\n",
      "src/lib.rs": `#[test]\nfn sum() {\n    assert_eq!(1 + 1, ${wanted});\n}\n`,
      "tool/Cargo.toml": '[package]\nname = "tool"\nversion = "0.1.0"\nedition = "2021"\n',
      "tool/src/main.rs": "fn main() {}\n\n#[test]\nfn runs() {}\n",
      "rustfmt.toml": "",
    });
    const good = await validateFiles(files(2), { base });
    expect(good.verdicts).toEqual({ setup: "passed", build: "passed", format: "passed", test: "passed" });
    // The empty file that stood in for it is not what was tested.
    expect(printed(good.events, "test")).toContain("test sum ... ok");
    expect(printed(good.events, "test")).toContain("test runs ... ok");
    const bad = await validateFiles(files(3), { base });
    expect(bad.verdicts).toMatchObject({ build: "passed", test: "failed" });
    expect(bad.check("setup").cached).toBe(true);
  });

  testWith(maven, "Maven", "with a pom.xml is tested without a network", async (base) => {
    const { verdicts, events } = await validateFiles(
      {
        "pom.xml":
          '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>demo</groupId>' +
          "<artifactId>demo</artifactId><version>1</version><properties><maven.compiler.source>11</maven.compiler.source>" +
          "<maven.compiler.target>11</maven.compiler.target></properties><dependencies><dependency><groupId>junit</groupId>" +
          "<artifactId>junit</artifactId><version>4.13.2</version><scope>test</scope></dependency></dependencies></project>\n",
        "src/test/java/SumTest.java":
          "import static org.junit.Assert.assertEquals;\n\npublic class SumTest {\n" +
          "  @org.junit.Test\n  public void right() {\n    assertEquals(2, 1 + 1);\n  }\n\n" +
          "  @org.junit.Test\n  public void wrong() {\n    assertEquals(3, 1 + 1);\n  }\n}\n",
      },
      { base },
    );
    // What runs tests was there without a network, and the build ran none of them.
    expect(verdicts).toEqual({ setup: "passed", build: "passed", test: "failed" });
    expect(printed(events, "test")).toContain("Tests run: 2, Failures: 1");
  });

  testWith(gradle, "Gradle", "with a build.gradle is tested without a network", async (base) => {
    const { verdicts, events } = await validateFiles(
      {
        "build.gradle":
          "apply plugin: 'java'\n\nrepositories { mavenCentral() }\n\ndependencies {\n" +
          "  testImplementation 'junit:junit:4.13.2'\n  testRuntimeOnly 'org.apache.commons:commons-lang3:3.12.0'\n}\n",
        "src/test/java/SumTest.java":
          "import static org.junit.Assert.assertEquals;\n\npublic class SumTest {\n" +
          "  @org.junit.Test\n  public void right() throws Exception {\n" +
          '    Class.forName("org.apache.commons.lang3.StringUtils");\n  }\n\n' +
          "  @org.junit.Test\n  public void wrong() {\n    assertEquals(3, 1 + 1);\n  }\n}\n",
      },
      { base },
    );
    // What is only needed when tests run was there, too.
    expect(verdicts).toEqual({ build: "passed", test: "failed" });
    expect(printed(events, "test")).toContain("2 tests completed, 1 failed");
  });
});
