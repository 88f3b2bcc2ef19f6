import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type {
  ArgumentType,
  CallableContractFuture,
  EncodeFunctionCallFuture,
  IgnitionModule,
  IgnitionModuleBuilder,
} from "@nomicfoundation/ignition-core";
import type { DeploymentParameters } from "../parameters.js";
import {
  ADMIN_ROLE,
  type GovernedContract,
  type DelayedRole,
  restrictedFunctions,
  ROLES,
  selectorOf,
} from "../roles.js";
import Governance from "./Governance.js";

type Targets = Record<GovernedContract, CallableContractFuture<string>>;

/**
 * Maps every restricted function to its role, gives the roles to governance and takes the deployer's away: one
 * transaction, so that there is no moment at which both, or neither, are in charge.
 *
 * @param complete Every module that configures something and so needs the deployer's rights: they come first.
 */
export function handoverModule(
  parameters: DeploymentParameters,
  complete: IgnitionModule[],
  targetsOf: (m: IgnitionModuleBuilder) => Targets,
) {
  return buildModule("Handover", (m) => {
    const { accessManager } = m.useModule(Governance);
    const targets = targetsOf(m);
    const steps: EncodeFunctionCallFuture<string, string>[] = [];
    const step = (functionName: string, what: string, args: ArgumentType[]) => {
      const id = `${functionName}_${what}`;
      steps.push(m.encodeFunctionCall(accessManager, functionName, args, { id }));
    };
    const { admin, guardian, delaySeconds } = parameters.governance;

    for (const { contract, role, signatures } of restrictedFunctions()) {
      step("setTargetFunctionRole", `${contract}_${role}`, [
        targets[contract],
        signatures.map(selectorOf),
        ROLES[role],
      ]);
    }
    for (const [contract, target] of Object.entries(targets)) {
      step("setTargetAdminDelay", contract, [target, delaySeconds.ADMIN]);
    }

    for (const [role, id] of Object.entries(ROLES)) step("labelRole", role, [id, role]);
    for (const role of ["RISK", "LISTING", "MODULES"] satisfies DelayedRole[]) {
      step("setRoleGuardian", role, [ROLES[role], ROLES.GUARDIAN]);
      step("grantRole", role, [ROLES[role], admin, delaySeconds[role]]);
      // A new holder waits as long as an act of the role would: nobody is granted a role to skip its delay.
      step("setGrantDelay", role, [ROLES[role], delaySeconds[role]]);
    }
    // Stopping new risk for a while and cancelling are no power over anyone's money: they wait for nothing.
    step("grantRole", "GUARDIAN", [ROLES.GUARDIAN, guardian, 0]);

    step("grantRole", "ADMIN", [ADMIN_ROLE, admin, delaySeconds.ADMIN]);
    step("renounceRole", "deployer", [ADMIN_ROLE, m.getAccount(0)]);

    m.call(accessManager, "multicall", [steps], { after: complete });
    return {};
  });
}
