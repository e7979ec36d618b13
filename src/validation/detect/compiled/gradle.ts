import type { Detected } from "../detected.js";
import type { Project } from "../project.js";
import { quoted } from "../text.js";

export const gradleManifests = [
  ...["settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"],
];

/** A task of its own: a test task that is made to run nothing would count as having run when the check comes. */
const RESOLVE = `allprojects { afterEvaluate { project -> project.task("forkboxDependencies") {
  def found = project.configurations.findAll { it.canBeResolved && it.name =~ /(?i)(runtimeClasspath|^jacocoA\\w+)$/ }
    .collect { it.incoming.artifactView { lenient = true }.files }
  doLast { found.each { try { it.files } catch (Exception e) { println "not resolved: $e" } } }
} } }`;
const SCRIPT = "/tmp/forkbox-dependencies.gradle";

/**
 * build.gradle, in Groovy or Kotlin, or settings.gradle. A build is a program: what it needs is known when it runs, which
 * takes its sources. Setup brings Gradle itself, where a wrapper says which.
 */
export async function detectGradle(project: Project): Promise<Detected | undefined> {
  const manifest = gradleManifests.find((name) => project.has(name));
  if (manifest === undefined) return undefined;
  const android = buildFiles(project).find((file) => /\bcom\.android\./.test(project.head(file, 64 * 1024)));
  const found: Detected = { language: "java", setup: [], install: [], build: [], checks: {} };
  if (android !== undefined)
    return { ...found, leftOut: [`Gradle, as ${android} builds for Android, which takes its SDK`] };
  const wrapped = [
    "gradlew",
    "gradle/wrapper/gradle-wrapper.jar",
    "gradle/wrapper/gradle-wrapper.properties",
  ].every((file) => project.has(file));
  // It need not be executable, and those of old need arrays.
  const shell = wrapped && /^#!.*\bbash\b/.test(project.head("gradlew", 100)) ? "bash" : "sh";
  const gradle = wrapped ? `${shell} ./gradlew --no-daemon` : "gradle --no-daemon";
  const because = wrapped ? `${manifest} and gradlew` : manifest;
  const hasTests =
    project.truncated ||
    project.files.some((file) => /(^|\/)src\/test\/.*\.(java|kt|groovy|scala)$/.test(file));
  return {
    ...found,
    setup: wrapped
      ? [{ run: `${gradle} --version`, because: "gradle/wrapper: brings the Gradle that it names" }]
      : [],
    setupFiles: ["gradlew", "gradle/wrapper/**"],
    build: hasTests
      ? [
          {
            run: `printf '%s\\n' ${quoted(RESOLVE)} >${SCRIPT}`,
            because: "compiling brings nothing that tests need only when they run",
          },
          {
            run: `${gradle} --init-script ${SCRIPT} testClasses forkboxDependencies`,
            because: `${because}: compiles, and brings what running tests needs, but runs none`,
          },
        ]
      : [{ run: `${gradle} classes`, because }],
    checks: hasTests
      ? {
          test: {
            run: `${gradle} --offline cleanTest test`,
            because: `${because}, and it has tests in src/test; none counts as run that was run elsewhere`,
          },
        }
      : {},
  };
}

function buildFiles(project: Project): string[] {
  const named = project.files.filter((file) => /(^|\/)(build|settings)\.gradle(\.kts)?$/.test(file));
  const catalog = "gradle/libs.versions.toml";
  return [...named.slice(0, 100), ...(project.has(catalog) ? [catalog] : [])];
}
