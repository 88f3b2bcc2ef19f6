import { expect } from "chai";
import { Interface, Wallet, ZeroAddress } from "ethers";
import hre from "hardhat";
import {
  accountId,
  errorName,
  errorsAbi,
  ExplainedError,
  explainError,
  formatExplanation,
  parseWad,
  revertDataOf,
  sendExplained,
} from "../sdk/index.js";
import { CATALOGUES, ERROR_CATALOGUE } from "../sdk/errors/catalogue/index.js";
import { FORMATS, valuesIn } from "../sdk/errors/formats.js";
import { deployPlimsoll, ETH, ETH_PERP } from "./fixtures/plimsoll.js";

const { networkHelpers } = await hre.network.create();

const KNOWN = new Interface([
  "error Error(string message)",
  "error Panic(uint256 code)",
  ...errorsAbi,
]);
const OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const TOKEN = `0x${"7a".repeat(20)}`;
const ACCOUNT = accountId(OWNER, 7n);
const CONTEXT = {
  tokens: new Map([[TOKEN.toUpperCase().replace("0X", "0x"), { symbol: "USDC", decimals: 6 }]]),
  symbols: new Map([[ETH, "ETH"]]),
  names: new Map([[OWNER.toLowerCase(), "Alice"]]),
};

function signatures(): string[] {
  const all: string[] = [];
  KNOWN.forEachError((fragment) => all.push(fragment.format("sighash")));
  return all;
}

/** A value of an ABI type, as a contract could give it. */
function sample(type: string, components?: readonly { type: string }[] | null): unknown {
  if (components != null) return components.map((component) => sample(component.type));
  if (type === "address") return TOKEN;
  if (type === "string") return "words";
  if (/^bytes\d+$/.test(type))
    return `0x${"61".repeat(4)}${"00".repeat(Number(type.slice(5)) - 4)}`;
  if (type.startsWith("int")) return type === "int8" ? -1n : -7_000n;
  return type === "uint8" ? 3n : 5_000n;
}

describe("The catalogue of errors", () => {
  it("has an entry for every error of every ABI and none for what does not exist", () => {
    expect(Object.keys(ERROR_CATALOGUE).sort()).to.deep.equal(signatures().sort());
    const entries = CATALOGUES.flatMap((catalogue) => Object.keys(catalogue));
    expect(new Set(entries).size, "an entry stands in two catalogues").to.equal(entries.length);
  });

  it("names every value of every error, or says why not", () => {
    KNOWN.forEachError((fragment) => {
      const signature = fragment.format("sighash");
      const { sentence, cure, untold = {} } = ERROR_CATALOGUE[signature]!;
      const values = fragment.inputs.map(({ name }) => name);
      const told = valuesIn(sentence);
      expect([...new Set([...told, ...Object.keys(untold)])].sort(), signature).to.deep.equal(
        [...values].sort(),
      );
      expect(values, signature).to.include.members(valuesIn(cure));
      for (const reason of Object.values(untold)) expect(reason, signature).not.to.equal("");
    });
  });

  it("makes whole sentences of every error, whatever is known of the world", () => {
    KNOWN.forEachError((fragment) => {
      const values = fragment.inputs.map(({ type, components }) => sample(type, components));
      const data = KNOWN.encodeErrorResult(fragment, values);
      for (const context of [{}, CONTEXT]) {
        const explained = explainError(data, context);
        expect(explained.name).to.equal(fragment.name);
        for (const text of [explained.sentence, explained.cure]) {
          expect(text, fragment.name).to.match(/^[A-Z\d-].*[.)]$/s);
          expect(text, fragment.name).not.to.match(/[{}]|undefined|NaN|\[object/);
        }
        expect(explained.remedy).to.be.oneOf(["retry", "wait", "fatal"]);
      }
    });
  });

  it("has no format that no sentence uses", () => {
    const used = Object.values(ERROR_CATALOGUE).flatMap(({ sentence, cure }) =>
      [...`${sentence} ${cure}`.matchAll(/:(\w+)(?:\(\w+\))?\}/g)].map((match) => match[1]!),
    );
    const implied = ["account", "address", "number"];
    expect([...new Set([...used, ...implied])].sort()).to.deep.equal(Object.keys(FORMATS).sort());
  });
});

describe("explainError", () => {
  const explain = (name: string, values: readonly unknown[]) =>
    explainError(KNOWN.encodeErrorResult(name, values), CONTEXT);

  it("prints token amounts in whole tokens, and in smallest units when the token is not known", () => {
    const values = [TOKEN, 2_500_000n, 1n];
    expect(explain("OutflowLimitExceeded", values).sentence).to.equal(
      "2.5 USDC were asked for and 0.000001 USDC of the token USDC may leave the vault now, net of deposits.",
    );
    const data = KNOWN.encodeErrorResult("OutflowLimitExceeded", values);
    expect(explainError(data).sentence).to.include("2500000 smallest units were asked for");
  });

  it("prints accounts short, WADs as decimals and keeps the exact values", () => {
    const { sentence, values, remedy } = explain("BelowInitialMargin", [
      ACCOUNT,
      -1n,
      3n * 10n ** 18n,
    ]);
    expect(sentence).to.equal(
      "Account 0x7099…79C8/7 would have equity -0.000000000000000001 and needs 3, its initial margin.",
    );
    expect(values).to.deep.equal({ account: ACCOUNT, equity: -1n, initial: 3n * 10n ** 18n });
    expect(remedy).to.equal("fatal");
  });

  it("prints instruments, ratios, basis points and rights by their names", () => {
    expect(explain("EmptyTrade", [ETH_PERP, 0n, parseWad(3)]).sentence).to.include("ETH-PERP");
    expect(explain("EmptyTrade", [5n, 0n, 0n]).sentence).to.include("0x5");
    expect(explain("FractionTooSmall", [parseWad("0.0001"), parseWad("0.001")]).sentence).to.equal(
      "A fraction of 0.01 % is below 0.1 %, the least.",
    );
    expect(explain("PriceDeviation", [ETH, 1n, 2n, 250n]).sentence).to.include("2.5 %");
    expect(explain("NotAuthorized", [ACCOUNT, OWNER, 9n]).sentence).to.match(
      /^Alice .*TRADE \+ LIQUIDATE/,
    );
    expect(explain("UnknownPermissions", [17n]).sentence).to.include("TRADE + unknown bits 16");
    expect(explain("UnknownPermissions", [0n]).sentence).to.include("none");
  });

  it("prints structs and parameters' names", () => {
    const margin = [parseWad(1), parseWad(3), parseWad(2)];
    expect(explain("RiskNotReduced", [ACCOUNT, margin, margin]).sentence).to.include(
      "(equity 1, initial 3, maintenance 2)",
    );
    const name = `0x${Buffer.from("kinds").toString("hex").padEnd(64, "0")}`;
    expect(explain("RuleOutOfBounds", [name, 1n, 2n, 3n]).sentence).to.include('"kinds" is 1');
  });

  it("says until when to wait, where the error says it", () => {
    const call = explain("MarginCallTooSoon", [ACCOUNT, 1_700_000_000n]);
    expect(call).to.include({ remedy: "wait", until: 1_700_000_000n });
    expect(formatExplanation(call)).to.match(/\(Possible at 2023-11-14T22:13:20Z\.\)$/);
    expect(explain("SequencerDown", [1_000n, 60n]).until).to.equal(1_060n);
    expect(explain("SequencerDown", [0n, 60n])).not.to.have.property("until");
    expect(explain("SequencerDown", [0n, 60n]).sentence).to.include("never");
    expect(explain("MarginCallTooSoon", [ACCOUNT, 2n ** 200n]).sentence).to.include("second 16069");
  });

  it("explains Solidity's own two", () => {
    expect(explain("Error", ["no"]).sentence).to.equal('The contract says: "no".');
    expect(explain("Panic", [0x11n]).sentence).to.include("a number is out of range");
    expect(explain("Panic", [0x99n]).sentence).to.include("code 153");
  });

  it("says honestly what it does not know", () => {
    for (const data of ["0xdeadbeef", `0xdeadbeef${"0".repeat(64)}`, "0x12"]) {
      const explained = explainError(data);
      expect(explained).to.include({ name: undefined, remedy: "fatal", data });
      expect(explained.sentence).to.include(`${data}, which is no error that Plimsoll knows`);
    }
    expect(explainError("0x").sentence).to.equal("The call reverted without saying why.");
    expect(explainError(new Error("odd")).sentence).to.include("odd");
    expect(explainError(undefined).sentence).to.include("undefined");
  });

  it("knows an error whose values were cut off", () => {
    const selector = KNOWN.getError("StalePrice")!.selector;
    expect(errorName(selector)).to.equal("StalePrice");
    expect(errorName("0xdeadbeef")).to.equal(undefined);
    const explained = explainError(selector);
    expect(explained).to.include({ name: "StalePrice", remedy: "wait" });
    expect(explained.sentence).to.include("cut off");
  });

  it("finds what a revert returned wherever libraries and nodes put it, and never what was sent", () => {
    const data = KNOWN.encodeErrorResult("NotWired", []);
    const transaction = { data: KNOWN.encodeErrorResult("FundIsNoParty", []) };
    const circular: Record<string, unknown> = { transaction };
    circular.cause = circular;
    for (const error of [
      data,
      { data, transaction },
      { data: null, transaction, info: { error: { data } } },
      { cause: { cause: { raw: data } } },
      { data: { message: "reverted", txHash: `0x${"1".repeat(64)}`, data } },
      { error: { data: { originalError: { data } } } },
    ]) {
      expect(revertDataOf(error)).to.equal(data);
    }
    expect(revertDataOf(circular)).to.equal(undefined);
    expect(revertDataOf({ data: "0x", cause: {} })).to.equal("0x");
    expect(revertDataOf({ data: `0x${"1".repeat(64)}` })).to.equal(undefined);
  });

  it("explains what never came to a contract", () => {
    const refused = Object.assign(new Error("x"), { code: "ECONNREFUSED" });
    expect(explainError(new Error("outer", { cause: refused })).remedy).to.equal("retry");
    expect(explainError({ code: "INSUFFICIENT_FUNDS" }).sentence).to.include("too little ether");
    expect(explainError({ code: "CALL_EXCEPTION" }).sentence).to.include("without saying why");
    expect(explainError({ name: "UserRejectedRequestError" }).sentence).to.include(
      "refused to sign",
    );
  });
});

describe("sendExplained", () => {
  it("gives the receipt of what passed", async () => {
    const { usdc, vault, alice } = await networkHelpers.loadFixture(deployPlimsoll);
    const receipt = await sendExplained(usdc.connect(alice).approve(vault, 1n));
    expect(receipt.status).to.equal(1);
  });

  it("turns a refusal before sending into a sentence", async () => {
    const { usdc, vault, alice } = await networkHelpers.loadFixture(deployPlimsoll);
    const token = await usdc.getAddress();
    const sending = vault
      .connect(alice)
      .withdraw(accountId(alice.address), token, 1_000_000n, alice);
    const tokens = new Map([[token, { symbol: "USDC", decimals: 6 }]]);
    const error = await sendExplained(sending, { tokens }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ExplainedError);
    expect((error as ExplainedError).explanation.name).to.equal("InsufficientBalance");
    expect((error as ExplainedError).message).to.include(
      "has 0 USDC of the token USDC, and 1 USDC",
    );
    expect((error as ExplainedError).cause).to.be.instanceOf(Error);
  });

  it("finds out why a transaction reverted in its block", async () => {
    const { connection, vault, alice, usdc } = await networkHelpers.loadFixture(deployPlimsoll);
    const someone = Wallet.createRandom().address;
    const provider = new connection.ethers.BrowserProvider(connection.provider, undefined, {
      cacheTimeout: -1,
    });
    const signer = await provider.getSigner(alice.address);
    await connection.networkHelpers.mine();
    await connection.provider.request({ method: "evm_setAutomine", params: [false] });
    const sending = vault
      .connect(signer)
      .withdraw(accountId(someone), await usdc.getAddress(), 1n, alice, { gasLimit: 500_000 });
    const failed = sendExplained(sending as never).catch((reason: unknown) => reason);
    await sending;
    await connection.provider.request({ method: "evm_setAutomine", params: [true] });
    await connection.networkHelpers.mine();
    const error = (await failed) as ExplainedError;
    expect(error.explanation?.name).to.equal("NotAuthorized");
    expect(error.message).not.to.include(ZeroAddress);
  });
});
