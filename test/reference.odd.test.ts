import { describeScenarios } from "./reference/scenario/suite.js";

describeScenarios("odd");
