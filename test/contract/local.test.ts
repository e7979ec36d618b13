import { probeLocal } from "../support/engine-local.js";
import { describeContract } from "./suite.js";

describeContract(await probeLocal());
