import { probeDagger } from "../support/engine-dagger.js";
import { describeContract } from "./suite.js";

describeContract(await probeDagger());
