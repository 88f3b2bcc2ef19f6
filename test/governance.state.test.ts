import { expect } from "chai";
import type { BaseContract } from "ethers";
import hre from "hardhat";
import {
  ADMIN_ROLE,
  type GovernedContract,
  OPEN,
  RESTRICTED,
  ROLES,
  selectorOf,
} from "../ignition/roles.js";
import { callWithZeros, stateChanging, viewsOf } from "./fixtures/abi.js";
import { deployPlimsoll, type Plimsoll } from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

const DAY = 86_400n;

/** What AccessManager needs at least before a longer delay takes effect. */
const SETBACK = 5n * DAY;

/** OpenZeppelin's role of everyone. */
const PUBLIC_ROLE = 2n ** 64n - 1n;

const EVERY_ROLE = [ADMIN_ROLE, ...Object.values(ROLES)];

/** Everything that OpenZeppelin's AccessManager lets anyone call, and what guards it. */
const ACCESS_MANAGER = {
  /** ADMIN, after its delay. */
  admin: [
    "grantRole(uint64,address,uint32)",
    "labelRole(uint64,string)",
    "revokeRole(uint64,address)",
    "setGrantDelay(uint64,uint32)",
    "setRoleAdmin(uint64,uint64)",
    "setRoleGuardian(uint64,uint64)",
    "setTargetAdminDelay(address,uint32)",
    "setTargetClosed(address,bool)",
    "setTargetFunctionRole(address,bytes4[],uint64)",
    "updateAuthority(address,address)",
  ],
  /** Who may do the call that is passed on, and nobody else. */
  passedOn: [
    "cancel(address,address,bytes)",
    "consumeScheduledOp(address,bytes)",
    "execute(address,bytes)",
    "multicall(bytes[])",
    "renounceRole(uint64,address)",
    "schedule(address,bytes,uint48)",
  ],
};

/** What every contract behind the AccessManager says. */
const AUTHORITY = ["function authority() view returns (address)"];

type ContractName = keyof Plimsoll["addresses"]["contracts"];

function governedContracts(plimsoll: Plimsoll): [GovernedContract, BaseContract][] {
  return [
    ["PriceOracle", plimsoll.oracle],
    ["Rules", plimsoll.rules],
    ["Vault", plimsoll.vault],
    ["Clearinghouse", plimsoll.clearinghouse],
    ["Exchange", plimsoll.exchange],
  ];
}

describe("Governance after a deployment", () => {
  it("rules over every contract that is deployed, or over one that nothing can change (GV3)", async () => {
    const { addresses, ...plimsoll } = await networkHelpers.loadFixture(deployPlimsoll);
    const governed = Object.keys(RESTRICTED);
    const unchanging = ["VolatilityOracle", "MarginEngine", "DefaultProcess", "Lens"];
    const periphery = ["Router", "StandingTopUp", "LiquidationAutomation"];
    const known = [...governed, ...unchanging, ...periphery, "AccessManager"].sort();
    expect(Object.keys(addresses.contracts).sort()).to.deep.equal(known);
    expect(stateChanging(plimsoll.lens)).to.deep.equal([]);
    expect(stateChanging(plimsoll.marginEngine)).to.have.members(OPEN.MarginEngine);
    expect(stateChanging(plimsoll.volatilityOracle)).to.have.members(OPEN.VolatilityOracle);
    expect(stateChanging(plimsoll.router)).to.have.members(OPEN.Router);
    expect(stateChanging(plimsoll.standingTopUp)).to.have.members(OPEN.StandingTopUp);
    expect(stateChanging(plimsoll.liquidationAutomation)).to.have.members(
      OPEN.LiquidationAutomation,
    );
    for (const name of governed) {
      const target = addresses.contracts[name as ContractName];
      const managed = await ethers.getContractAt(AUTHORITY, target);
      const authority: unknown = await managed.getFunction("authority").staticCall();
      expect(authority, name).to.equal(addresses.contracts.AccessManager);
    }
  });

  it("lets nobody call the library but the clearinghouse, in its own name (GV3)", async () => {
    const { addresses, stranger } = await networkHelpers.loadFixture(deployPlimsoll);
    // Its functions take a book in storage: they have no place in an ABI.
    const { abi } = await hre.artifacts.readArtifact("DefaultProcess");
    expect(abi.filter((item: { type: string }) => item.type === "function")).to.deep.equal([]);
    // A library's code begins with its own address: called, not delegated to, it refuses what could change anything.
    const to = addresses.contracts.DefaultProcess;
    const code = await ethers.provider.getCode(to);
    expect(code.slice(0, 44).toLowerCase()).to.equal(`0x73${to.slice(2).toLowerCase()}`);
    await expect(stranger.call({ to, data: `0x${"00".repeat(4)}` })).to.revert(ethers);
    expect(await ethers.provider.getStorage(to, 0)).to.equal(ethers.ZeroHash);
  });

  it("knows every function of the AccessManager, and nobody without a role gets by one (GV3)", async () => {
    const { accessManager, deployer, guardian, treasury, stranger, vault } =
      await networkHelpers.loadFixture(deployPlimsoll);
    const { admin, passedOn } = ACCESS_MANAGER;
    expect(stateChanging(accessManager)).to.deep.equal([...admin, ...passedOn].sort());
    const given = { address: await vault.getAddress(), uint64: ROLES.RISK, string: "" };
    const to = await accessManager.getAddress();
    for (const signature of admin) {
      const data = callWithZeros(accessManager, signature, given);
      for (const caller of [deployer, guardian, treasury, stranger]) {
        await expect(caller.call({ to, data }), signature)
          .to.be.revertedWithCustomError(accessManager, "AccessManagerUnauthorizedAccount")
          .withArgs(caller.address, ADMIN_ROLE);
      }
    }
  });

  it("asks for exactly the reviewed role at each function, and for ADMIN at all others (GV3)", async () => {
    const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
    const { accessManager } = plimsoll;
    const roleOf = new Map<string, bigint>();
    for (const [name, roles] of Object.entries(RESTRICTED)) {
      for (const [role, signatures] of Object.entries(roles)) {
        for (const signature of signatures) {
          roleOf.set(`${name} ${selectorOf(signature)}`, ROLES[role as keyof typeof ROLES]);
        }
      }
    }
    let mapped = 0;
    const others: [string, BaseContract][] = [
      ["VolatilityOracle", plimsoll.volatilityOracle],
      ["MarginEngine", plimsoll.marginEngine],
      ["Lens", plimsoll.lens],
      ["Router", plimsoll.router],
      ["StandingTopUp", plimsoll.standingTopUp],
      ["LiquidationAutomation", plimsoll.liquidationAutomation],
      ["AccessManager", accessManager],
    ];
    for (const [name, contract] of [...governedContracts(plimsoll), ...others]) {
      for (const signature of [...stateChanging(contract), ...viewsOf(contract)]) {
        const selector = selectorOf(signature);
        const expected = roleOf.get(`${name} ${selector}`) ?? ADMIN_ROLE;
        if (expected !== ADMIN_ROLE) ++mapped;
        const role = await accessManager.getTargetFunctionRole(contract, selector);
        expect(role, `${name}.${signature}`).to.equal(expected);
      }
    }
    expect(mapped).to.equal(roleOf.size);
  });

  it("has every role's admin, guardian and delays as reviewed, once the setback is over (GV3)", async () => {
    const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
    const { accessManager, parameters } = plimsoll;
    const { delaySeconds } = parameters.governance;
    await networkHelpers.time.increase(SETBACK);
    const grantDelays = new Map<bigint, number>([
      [ROLES.RISK, delaySeconds.RISK],
      [ROLES.LISTING, delaySeconds.LISTING],
      [ROLES.MODULES, delaySeconds.MODULES],
    ]);
    for (const role of EVERY_ROLE) {
      const delay = grantDelays.get(role);
      const what = `role ${role}`;
      expect(await accessManager.getRoleAdmin(role), what).to.equal(ADMIN_ROLE);
      const guardian = delay === undefined ? ADMIN_ROLE : ROLES.GUARDIAN;
      expect(await accessManager.getRoleGuardian(role), what).to.equal(guardian);
      expect(await accessManager.getRoleGrantDelay(role), what).to.equal(delay ?? 0);
    }
    for (const [name, contract] of governedContracts(plimsoll)) {
      expect(await accessManager.isTargetClosed(contract), name).to.equal(false);
      expect(await accessManager.getTargetAdminDelay(contract), name).to.equal(delaySeconds.ADMIN);
    }
    expect(await accessManager.isTargetClosed(accessManager)).to.equal(false);
  });

  it("has one member for each role, and the delays of the parameters (GV3)", async () => {
    const { accessManager, parameters, ...signers } =
      await networkHelpers.loadFixture(deployPlimsoll);
    const { admin, guardian, delaySeconds } = parameters.governance;
    const everyone = Object.values(signers.signers).map(({ address }) => address);
    const contracts = Object.values(signers.addresses.contracts);
    const members: string[] = [];
    for (const role of EVERY_ROLE) {
      for (const holder of [...everyone, ...contracts]) {
        const { isMember, executionDelay } = await accessManager.hasRole(role, holder);
        if (isMember) members.push(`${role} ${holder} ${executionDelay}`);
        const [, , pendingDelay, effect] = await accessManager.getAccess(role, holder);
        expect([pendingDelay, effect], "a change is on its way").to.deep.equal([0n, 0n]);
      }
    }
    expect(members).to.deep.equal([
      `${ADMIN_ROLE} ${admin} ${delaySeconds.ADMIN}`,
      `${ROLES.RISK} ${admin} ${delaySeconds.RISK}`,
      `${ROLES.LISTING} ${admin} ${delaySeconds.LISTING}`,
      `${ROLES.MODULES} ${admin} ${delaySeconds.MODULES}`,
      `${ROLES.GUARDIAN} ${guardian} 0`,
    ]);
  });

  it("leaves the deployer, the treasury and the system's contracts nothing to call (GV3)", async () => {
    const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
    const { accessManager, deployer, treasury, addresses } = plimsoll;
    const contracts = Object.values(addresses.contracts).filter(
      (address) => address !== addresses.contracts.AccessManager,
    );
    const callers = [deployer.address, treasury.address, ...contracts];
    for (const [name, contract] of governedContracts(plimsoll)) {
      for (const signature of stateChanging(contract)) {
        for (const caller of callers) {
          const allowed = await accessManager.canCall(caller, contract, selectorOf(signature));
          expect([...allowed], `${name}.${signature}`).to.deep.equal([false, 0n]);
        }
      }
    }
    expect((await accessManager.hasRole(PUBLIC_ROLE, deployer)).isMember).to.equal(true);
    expect(await accessManager.queryFilter(accessManager.filters.OperationScheduled())).to.be.empty;
  });

  it("has no row in the table that no contract has (GV3)", async () => {
    const plimsoll = await networkHelpers.loadFixture(deployPlimsoll);
    for (const [name, contract] of governedContracts(plimsoll)) {
      const known = new Set(stateChanging(contract));
      for (const signature of [...Object.values(RESTRICTED[name]).flat(), ...OPEN[name]]) {
        expect(known.has(signature), `${name}.${signature}`).to.equal(true);
      }
    }
  });
});
