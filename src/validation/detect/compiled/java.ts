import type { Detected } from "../detected.js";
import type { Project } from "../project.js";
import { detectGradle, gradleManifests } from "./gradle.js";

export const javaManifests = ["pom.xml", ...gradleManifests];

/** Of a project that can be built with either, the one whose wrapper it brings, else Maven. */
export async function detectJava(project: Project): Promise<Detected | undefined> {
  const byGradle = project.has("gradlew") && !project.has("mvnw");
  return byGradle
    ? ((await detectGradle(project)) ?? detectMaven(project))
    : ((await detectMaven(project)) ?? detectGradle(project));
}

/**
 * pom.xml. What a plugin needs Maven finds out when it runs it: the build runs the tests' plugin for a test that is
 * none, while there is a network.
 */
async function detectMaven(project: Project): Promise<Detected | undefined> {
  if (!project.has("pom.xml")) return undefined;
  const wrapped = project.has("mvnw") && project.has(".mvn/wrapper/maven-wrapper.properties");
  const maven = wrapped ? "sh ./mvnw -B" : "mvn -B";
  const because = wrapped ? "pom.xml and mvnw" : "pom.xml";
  const hasTests =
    project.truncated ||
    project.files.some((file) => /(^|\/)src\/test\/.*\.(java|kt|groovy|scala)$/.test(file));
  return {
    language: "java",
    setup: [
      {
        run: `${maven} -q --fail-never dependency:go-offline`,
        because: `${because}: what can be known before its sources are there; the build brings the rest`,
      },
    ],
    setupFiles: ["**/pom.xml", ".mvn", "mvnw"],
    install: [],
    build: [
      hasTests
        ? {
            run: `${maven} -q test '-Dtest=*#none' -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false`,
            because: `${because}: compiles, and brings what running tests needs, but runs none`,
          }
        : { run: `${maven} -q compile`, because },
    ],
    checks: hasTests
      ? { test: { run: `${maven} --offline test`, because: `${because}, and it has tests in src/test` } }
      : {},
  };
}
