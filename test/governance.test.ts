import { expect } from "chai";
import type { BaseContract } from "ethers";
import hre from "hardhat";
import {
  ADMIN_ROLE,
  type GovernedContract,
  OPEN,
  RESTRICTED,
  restrictedFunctions,
  ROLES,
  selectorOf,
} from "../ignition/roles.js";
import { callWithZeros, stateChanging } from "./fixtures/abi.js";
import { deployPlimsoll, type Plimsoll } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

const DAY = 86_400n;

/** What AccessManager needs at least before a longer delay takes effect. */
const SETBACK = 5n * DAY;

function governedContracts(plimsoll: Plimsoll): [GovernedContract, BaseContract][] {
  return [
    ["PriceOracle", plimsoll.oracle],
    ["Rules", plimsoll.rules],
    ["Vault", plimsoll.vault],
    ["Clearinghouse", plimsoll.clearinghouse],
    ["Exchange", plimsoll.exchange],
  ];
}

/** The name of the custom error with which a call with zeros is refused, "" when it is not. */
async function refusal(contract: BaseContract, signature: string, from: string): Promise<string> {
  const data = callWithZeros(contract, signature);
  try {
    await connection.ethers.provider.call({ to: await contract.getAddress(), from, data });
    return "";
  } catch (error) {
    const revert = (error as { data?: string }).data ?? "0x";
    return contract.interface.parseError(revert)?.name ?? revert;
  }
}

describe("Governance", () => {
  describe("roles", () => {
    it("knows every state-changing function of every contract", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
      const contracts: [keyof typeof OPEN, BaseContract][] = [
        ...governedContracts(plimsoll),
        ["VolatilityOracle", plimsoll.volatilityOracle],
        ["MarginEngine", plimsoll.marginEngine],
        ["Lens", plimsoll.lens],
        ["Router", plimsoll.router],
        ["StandingTopUp", plimsoll.standingTopUp],
        ["LiquidationAutomation", plimsoll.liquidationAutomation],
      ];
      for (const [name, contract] of contracts) {
        const restricted = restrictedFunctions()
          .filter((row) => row.contract === name)
          .flatMap((row) => row.signatures);
        expect(stateChanging(contract), name).to.deep.equal([...restricted, ...OPEN[name]].sort());
      }
    });

    it("maps exactly the restricted functions to the reviewed roles", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
      const { accessManager } = plimsoll;
      const contracts = new Map(governedContracts(plimsoll));
      const reviewed: string[] = [];
      for (const { contract, role, signatures } of restrictedFunctions()) {
        const target = await contracts.get(contract)?.getAddress();
        for (const signature of signatures) {
          const selector = selectorOf(signature);
          reviewed.push(`${String(target)} ${selector} ${ROLES[role]}`);
        }
      }
      const updates = await accessManager.queryFilter(
        accessManager.filters.TargetFunctionRoleUpdated(),
      );
      const mapped = updates.map(({ args }) => `${args.target} ${args.selector} ${args.roleId}`);
      expect(mapped.sort()).to.deep.equal(reviewed.sort());
    });

    it("refuses restricted functions to everyone, its own contracts included, and no others", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
      const { signers, addresses } = plimsoll;
      const { AccessManager: authority, ...contracts } = addresses.contracts;
      const { deployer, guardian, treasury, alice, stranger } = signers;
      const callers = [deployer, guardian, treasury, alice, stranger].map(({ address }) => address);
      for (const [name, contract] of governedContracts(plimsoll)) {
        const closed = new Set(Object.values(RESTRICTED[name]).flat()).add("setAuthority(address)");
        for (const signature of stateChanging(contract)) {
          for (const caller of [...callers, ...Object.values(contracts)]) {
            const error = await refusal(contract, signature, caller);
            const unauthorized = error === "AccessManagedUnauthorized";
            // The guardian alone acts without a delay, and only where its role says so.
            const isGuardians = RESTRICTED[name].GUARDIAN?.includes(signature) ?? false;
            const isClosed = closed.has(signature) && !(isGuardians && caller === guardian.address);
            expect(unauthorized, `${name}.${signature} by ${caller}`).to.equal(isClosed);
          }
        }
        // Only in the course of `updateAuthority`, which is ADMIN's.
        expect(await refusal(contract, "setAuthority(address)", authority)).not.to.equal("");
      }
    });

    it("leaves governance and the guardian as the only holders of any role", async () => {
      const { accessManager, parameters } = await networkHelpers.loadFixture(deployPlimsoll);
      const { admin, guardian } = parameters.governance;
      const holders = new Set<string>();
      const { RoleGranted, RoleRevoked } = accessManager.filters;
      for (const { args } of await accessManager.queryFilter(RoleGranted())) {
        holders.add(`${args.roleId} ${args.account}`);
      }
      for (const { args } of await accessManager.queryFilter(RoleRevoked())) {
        holders.delete(`${args.roleId} ${args.account}`);
      }
      expect([...holders].sort()).to.deep.equal(
        [
          `${ADMIN_ROLE} ${admin}`,
          `${ROLES.RISK} ${admin}`,
          `${ROLES.LISTING} ${admin}`,
          `${ROLES.MODULES} ${admin}`,
          `${ROLES.GUARDIAN} ${guardian}`,
        ].sort(),
      );
    });

    it("leaves the deployer without a role", async () => {
      const { accessManager, deployer } = await networkHelpers.loadFixture(deployPlimsoll);
      for (const role of [ADMIN_ROLE, ...Object.values(ROLES)]) {
        expect((await accessManager.hasRole(role, deployer)).isMember).to.equal(false);
      }
    });
  });

  describe("delays", () => {
    it("are those of the parameters, at once", async () => {
      const { accessManager, parameters } = await networkHelpers.loadFixture(deployPlimsoll);
      const { admin, guardian, delaySeconds } = parameters.governance;
      for (const [role, id] of Object.entries({ ...ROLES, ADMIN: ADMIN_ROLE })) {
        if (role === "GUARDIAN") continue;
        const { since, currentDelay } = await accessManager.getAccess(id, admin);
        expect(since).not.to.equal(0n);
        expect(currentDelay).to.equal(delaySeconds[role as keyof typeof delaySeconds]);
      }
      const access = await accessManager.getAccess(ROLES.GUARDIAN, guardian);
      expect(access.currentDelay).to.equal(0n);
    });

    it("hold for new holders and for changes of the table once AccessManager's setback is over", async () => {
      const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
      const { accessManager, parameters } = plimsoll;
      const { delaySeconds } = parameters.governance;
      await networkHelpers.time.increase(SETBACK);
      for (const role of ["RISK", "LISTING", "MODULES"] as const) {
        expect(await accessManager.getRoleGrantDelay(ROLES[role])).to.equal(delaySeconds[role]);
        expect(await accessManager.getRoleGuardian(ROLES[role])).to.equal(ROLES.GUARDIAN);
        expect(await accessManager.getRoleAdmin(ROLES[role])).to.equal(ADMIN_ROLE);
      }
      for (const [, contract] of governedContracts(plimsoll)) {
        expect(await accessManager.getTargetAdminDelay(contract)).to.equal(delaySeconds.ADMIN);
      }
    });

    it("let governance act after them and not before", async () => {
      const { accessManager, exchange, governance, schedule, passTime } =
        await networkHelpers.loadFixture(deployPlimsoll);
      const { target, data, delay } = await schedule(exchange, "setFeeRates", [0n, 3n, 2n]);
      expect(delay).to.equal(2n * DAY);
      const manager = accessManager.connect(governance);
      await expect(manager.execute(target, data)).to.be.revertedWithCustomError(
        accessManager,
        "AccessManagerNotReady",
      );
      await passTime(delay);
      await expect(manager.execute(target, data))
        .to.emit(exchange, "FeeRatesSet")
        .withArgs(0n, 3n, 2n);
    });

    it("let the guardian cancel what is announced", async () => {
      const { accessManager, exchange, governance, guardian, schedule, passTime } =
        await networkHelpers.loadFixture(deployPlimsoll);
      const { target, data, delay } = await schedule(exchange, "setFeeRates", [0n, 3n, 2n]);
      await accessManager.connect(guardian).cancel(governance, target, data);
      await passTime(delay);
      await expect(
        accessManager.connect(governance).execute(target, data),
      ).to.be.revertedWithCustomError(accessManager, "AccessManagerNotScheduled");
    });
  });
});
