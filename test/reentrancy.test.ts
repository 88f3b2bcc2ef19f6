import { expect } from "chai";
import { type BaseContract, type ContractTransactionResponse, ZeroHash } from "ethers";
import hre from "hardhat";
import { OPEN, RESTRICTED, restrictedFunctions } from "../ignition/roles.js";
import type { MockToken } from "../typechain-types/index.js";
import { callWithZeros, stateChanging } from "./fixtures/abi.js";
import { expectConservation } from "./fixtures/conservation.js";
import { ETH_PERP } from "./fixtures/plimsoll.js";
import {
  type Call,
  callTo,
  deployUnderAttack,
  type UnderAttack,
  userCalls,
  viewCalls,
} from "./fixtures/reentrancy.js";

const connection = await hre.network.create();
const { ethers, networkHelpers } = connection;

/** The most that one transaction may use: an estimate would let inner calls run out of gas. */
const GAS_LIMIT = 16_777_216n;
const MOMENTS = { before: 1n, after: 2n };

/**
 * What every function that no role guards does while a token is being called: it is locked, it asks for a partner
 * contract and names that error, or it is allowed because it moves nothing, or takes the caller's own orders away.
 */
const OUTCOMES: Record<string, string> = {
  "Vault.deposit": "locked",
  "Vault.depositWithPermit": "locked",
  "Vault.withdraw": "locked",
  "Vault.transfer": "locked",
  "Vault.setOperator": "locked",
  "Vault.post": "NotClearinghouse",
  "Vault.moveSlice": "NotClearinghouse",
  "Vault.collectInterest": "NotClearinghouse",
  "Vault.chargeLenders": "NotClearinghouse",
  "Vault.accrueInterest": "locked",
  "Clearinghouse.settleVariation": "locked",
  "Clearinghouse.liquidate": "locked",
  "Clearinghouse.distributeFees": "locked",
  "Clearinghouse.callMargin": "locked",
  "Clearinghouse.flag": "locked",
  "Clearinghouse.deleverage": "locked",
  "Clearinghouse.writeOff": "locked",
  "Clearinghouse.repayDeficit": "locked",
  // It takes in what funding came to, which every read counts already.
  "Clearinghouse.accrueFunding": "allowed",
  // They look at a price and move nothing.
  "Clearinghouse.notePeg": "allowed",
  "PriceOracle.notePrice": "allowed",
  "VolatilityOracle.poke": "allowed",
  "VolatilityOracle.follow": "AlreadyFollowed",
  "Rules.noteVolatility": "NotVolatilityOracle",
  "MarginEngine.begin": "NotClearinghouse",
  "Clearinghouse.clear": "NotVenue",
  "Exchange.matchOrders": "locked",
  "Exchange.cancel": "allowed",
  "Exchange.cancelUpTo": "allowed",
  "Router.multicall": "locked",
  "Router.deposit": "locked",
  "Router.depositWithPermit": "locked",
  "Router.withdraw": "locked",
  "Router.transfer": "locked",
  "Router.settleVariation": "locked",
  "Router.liquidate": "locked",
  "Router.matchOrders": "locked",
  "Router.cancel": "allowed",
  "Router.cancelUpTo": "allowed",
  "StandingTopUp.topUp": "locked",
  // They say what the owner allows, and move nothing.
  "StandingTopUp.instruct": "allowed",
  "StandingTopUp.cancel": "allowed",
  // The error that it found is the reason in its own.
  "LiquidationAutomation.performUpkeep": "locked",
  "LiquidationAutomation.onReport": "locked",
  // A list that decides nothing.
  "LiquidationAutomation.watch": "allowed",
  "LiquidationAutomation.forget": "allowed",
  "LiquidationAutomation.take": "NotAutomation",
  "LiquidationAutomation.setTaking": "OwnableUnauthorizedAccount",
  "LiquidationAutomation.setLeastFreeMargin": "OwnableUnauthorizedAccount",
  "LiquidationAutomation.transferOwnership": "OwnableUnauthorizedAccount",
  "LiquidationAutomation.acceptOwnership": "OwnableUnauthorizedAccount",
};

/** The acts during which a token is called, each with a token that calls the attacker. */
const ENTRIES: Record<string, { token: "usdc" | "weth"; functionName: string }> = {
  "a deposit of collateral": { token: "weth", functionName: "deposit" },
  "a deposit with permit": { token: "weth", functionName: "depositWithPermit" },
  "a withdrawal of collateral": { token: "weth", functionName: "withdraw" },
  "a deposit of cash": { token: "usdc", functionName: "deposit" },
  "a withdrawal of cash": { token: "usdc", functionName: "withdraw" },
};

describe("Reentrancy", () => {
  it("RE1, RE2: knows what every state-changing function of every contract does", async () => {
    const scene = await networkHelpers.loadFixture(deployUnderAttack);
    const known = new Set([
      ...Object.keys(OUTCOMES),
      ...restrictedFunctions().flatMap(({ contract, signatures }) =>
        signatures.map((signature) => `${contract}.${nameOf(signature)}`),
      ),
      ...Object.keys(RESTRICTED).map((contract) => `${contract}.setAuthority`),
    ]);
    for (const [name, contract] of contractsOf(scene)) {
      for (const signature of stateChanging(contract)) {
        expect(known, "unclassified function").to.include(`${name}.${nameOf(signature)}`);
      }
    }
    // The contracts themselves are those of the deployment; the library refuses calls, the AccessManager holds no money.
    const covered = contractsOf(scene).map(([name]) => name);
    expect([...covered, "AccessManager", "DefaultProcess"]).to.have.members(
      Object.keys(scene.addresses.contracts),
    );
    expect(Object.keys(OPEN)).to.have.members(covered);
  });

  it("RE1: the attacker's calls all succeed when no token is being called", async () => {
    const scene = await networkHelpers.loadFixture(deployUnderAttack);
    const calls = await userCalls(scene);
    await scene.attacker.prepare(Object.values(calls));
    const results = await resultsOf(scene, scene.attacker.onTransfer({ gasLimit: GAS_LIMIT }));
    for (const [place, name] of Object.keys(calls).entries()) {
      const outcome = OUTCOMES[name];
      const expected = outcome === "locked" || outcome === "allowed" ? "" : outcome;
      expect(results[place], name).to.equal(expected);
    }
  });

  for (const [name, { token, functionName }] of Object.entries(ENTRIES)) {
    for (const [when, moment] of Object.entries(MOMENTS)) {
      it(`RE1, RE2: ${when} the token's transfer in ${name}, nothing that moves value succeeds`, async () => {
        const scene = await networkHelpers.loadFixture(deployUnderAttack);
        const { attacker, accounts } = scene;
        const act = await entryCall(scene, scene[token], functionName);
        const calls = { ...(await userCalls(scene)), ...(await governanceCalls(scene)) };
        await attacker.prepare(Object.values(calls));
        const undisturbed = await stateAfter(scene, act);

        await arm(scene, scene[token], moment);
        const results = await resultsOf(scene, attacker.execute([act], 1, { gasLimit: GAS_LIMIT }));
        for (const [place, call] of Object.keys(calls).entries()) {
          const outcome = OUTCOMES[call] ?? "AccessManagedUnauthorized";
          const locked = outcome === "locked" ? "ReentrancyGuardReentrantCall" : outcome;
          expect(results[place], call).to.equal(locked === "allowed" ? "" : locked);
        }
        expect(await stateOf(scene)).to.deep.equal(undisturbed);
        await expectConservation(scene, accounts);
      });

      it(`RE1: ${when} the token's transfer in ${name}, views of balances and margin refuse to answer`, async () => {
        const scene = await networkHelpers.loadFixture(deployUnderAttack);
        const act = await entryCall(scene, scene[token], functionName);
        const calls = await viewCalls(scene);
        await scene.attacker.prepare(Object.values(calls));
        await arm(scene, scene[token], moment);
        const results = await resultsOf(scene, scene.attacker.execute([act], 1));
        for (const [place, view] of Object.keys(calls).entries()) {
          expect(results[place], view).to.equal("ReentrancyGuardReentrantCall");
        }
      });
    }
  }

  it("RE2: no other act calls a token", async () => {
    const scene = await networkHelpers.loadFixture(deployUnderAttack);
    const calls = await userCalls(scene);
    const names = [
      ...["transfer", "setOperator", "settleVariation", "liquidate", "matchOrders"],
      ...["flag", "deleverage", "writeOff", "repayDeficit", "accrueFunding", "accrueInterest"],
    ];
    await scene.attacker.prepare(Object.values(await viewCalls(scene)));
    await arm(scene, scene.usdc, MOMENTS.before);
    await arm(scene, scene.weth, MOMENTS.before);
    const functionOf = (name: string) => name.split(".")[1] ?? "";
    const acts = Object.entries(calls).filter(([name]) => names.includes(functionOf(name)));
    expect(new Set(acts.map(([name]) => functionOf(name)))).to.have.keys(names);
    const results = await resultsOf(
      scene,
      scene.attacker.execute(
        acts.map(([, call]) => call),
        1,
      ),
    );
    expect(results).to.have.length(0);
  });
});

/** The call of an entry by the attacker, for one unit of the token. */
async function entryCall(
  { vault, attacker, first }: UnderAttack,
  token: MockToken,
  functionName: string,
): Promise<Call> {
  const last = {
    deposit: [],
    depositWithPermit: [0n, 27, ZeroHash, ZeroHash],
    withdraw: [await attacker.getAddress()],
  }[functionName];
  return callTo(vault, functionName, [first, await token.getAddress(), 1n, ...(last ?? [])]);
}

function nameOf(signature: string): string {
  return signature.slice(0, signature.indexOf("("));
}

function contractsOf(scene: UnderAttack): [string, BaseContract][] {
  const { oracle, rules, volatilityOracle, vault, clearinghouse, marginEngine } = scene;
  const { exchange, lens, router, standingTopUp, liquidationAutomation } = scene;
  return Object.entries({
    PriceOracle: oracle,
    Rules: rules,
    VolatilityOracle: volatilityOracle,
    Vault: vault,
    Clearinghouse: clearinghouse,
    Exchange: exchange,
    MarginEngine: marginEngine,
    Lens: lens,
    Router: router,
    StandingTopUp: standingTopUp,
    LiquidationAutomation: liquidationAutomation,
  });
}

/** Every function behind the AccessManager, with zeros: the caller is refused before they matter. */
async function governanceCalls(scene: UnderAttack): Promise<Record<string, Call>> {
  const calls: Record<string, Call> = {};
  for (const [name, contract] of contractsOf(scene)) {
    for (const signature of stateChanging(contract)) {
      if (`${name}.${nameOf(signature)}` in OUTCOMES) continue;
      const data = callWithZeros(contract, signature);
      calls[`${name}.${nameOf(signature)}`] = { target: await contract.getAddress(), data };
    }
  }
  return calls;
}

async function arm({ attacker }: UnderAttack, token: MockToken, moment: bigint): Promise<void> {
  await (await ethers.getContractAt("CallbackToken", token)).setHook(attacker, moment);
}

/** For each of the attacker's attempts, the name of the custom error with which it was refused, "" when it was not. */
async function resultsOf(
  { attacker, ...scene }: UnderAttack,
  act: Promise<ContractTransactionResponse>,
): Promise<string[]> {
  const receipt = await (await act).wait();
  const attempts = await attacker.queryFilter(
    attacker.filters.Attempted(),
    receipt?.blockNumber,
    receipt?.blockNumber,
  );
  return attempts.map(({ args: { success, result } }) => {
    if (success) return "";
    const interfaces = [
      scene.vault,
      scene.clearinghouse,
      scene.exchange,
      scene.rules,
      scene.volatilityOracle,
      scene.liquidationAutomation,
    ].map((c) => c.interface);
    const errors = interfaces.map((contract) => contract.parseError(result));
    const found = errors.find((error) => error !== null);
    if (found?.name !== "NothingTaken") return found?.name ?? result;
    const reason = String(found.args[1]);
    return interfaces.map((contract) => contract.getError(reason)?.name).find(Boolean) ?? reason;
  });
}

/** All that accounts and wallets have, all positions, and rights that could be gained. */
async function stateOf({
  vault,
  clearinghouse,
  attacker,
  usdc,
  weth,
  accounts,
  carol,
}: UnderAttack) {
  const state: unknown[] = [];
  for (const account of [...accounts, await clearinghouse.insuranceFund()]) {
    state.push(await vault.balancesOf(account));
    state.push(await clearinghouse.positionOf(account, ETH_PERP));
  }
  for (const token of [usdc, weth]) {
    state.push(await token.balanceOf(attacker), await token.balanceOf(vault));
    state.push(await vault.trackedOf(token));
  }
  state.push(await vault.operatorOf(attacker, carol));
  return state;
}

/** What the act alone leads to. */
async function stateAfter(scene: UnderAttack, act: Call): Promise<unknown[]> {
  const snapshot = await networkHelpers.takeSnapshot();
  await scene.attacker.execute([act], 1);
  const state = await stateOf(scene);
  await snapshot.restore();
  return state;
}
