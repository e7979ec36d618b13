import { describe, expect, test } from "vitest";
import { isRequired, type Probe } from "../support/engines.js";
import { describeBadInput } from "./bad-input.js";
import { describeCaches } from "./caches.js";
import { describeCallbacks } from "./callbacks.js";
import { describeDeadlines } from "./deadlines.js";
import { describeExec } from "./exec.js";
import { describeExport } from "./export.js";
import { describeExportSafety } from "./export-safety.js";
import { describeFiles } from "./files.js";
import { describeFork } from "./fork.js";
import { describeHostFidelity } from "./host-fidelity.js";
import { describeImport } from "./import.js";
import { describeImportAgain } from "./import-again.js";
import { describeKeep } from "./keep.js";
import { describeLayers } from "./layers.js";
import { describeLeftovers } from "./leftovers.js";
import { describeLimits } from "./limits.js";
import { describeLinks } from "./links.js";
import { describeNames } from "./names.js";
import { describeNetwork } from "./network.js";
import { describeOrder } from "./order.js";
import { describeOutput } from "./output.js";
import { describeReadOnlyPaths } from "./read-only-paths.js";
import { describeSecretForms } from "./secret-forms.js";
import { describeSecrets } from "./secrets.js";
import { describeSeed } from "./seed.js";
import { describeServices } from "./services.js";
import { describeServicesEnd } from "./services-end.js";
import { describeServicesInForks } from "./services-in-forks.js";
import { describeSingleFiles } from "./single-files.js";
import { describeStopped } from "./stopped.js";
import { describeStreams } from "./streams.js";
import { describeUsers } from "./users.js";

/** What a sandbox promises, whatever runs it. One call an engine. */
export function describeContract(engine: Probe): void {
  describe(`contract on ${engine.name}`, () => {
    if ("unavailable" in engine) {
      test(`the ${engine.name} engine answers`, (context) => {
        if (isRequired(engine.name)) expect.fail(engine.unavailable);
        context.skip(engine.unavailable);
      });
      return;
    }
    for (const describeArea of areas) describeArea(engine);
  });
}

const areas = [
  describeSeed,
  describeExec,
  describeOutput,
  describeCallbacks,
  describeOrder,
  describeFork,
  describeFiles,
  describeReadOnlyPaths,
  describeNames,
  describeLinks,
  describeLayers,
  describeImport,
  describeImportAgain,
  describeExport,
  describeExportSafety,
  describeHostFidelity,
  describeDeadlines,
  describeStopped,
  describeSecrets,
  describeSecretForms,
  describeNetwork,
  describeLimits,
  describeUsers,
  describeCaches,
  describeBadInput,
  describeStreams,
  describeSingleFiles,
  describeServices,
  describeServicesEnd,
  describeServicesInForks,
  describeKeep,
  // Last: it looks at what all the others left.
  describeLeftovers,
];
