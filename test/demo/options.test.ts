import { expect } from "chai";
import { UsageError } from "../../scripts/demo/errors.js";
import { parseOptions } from "../../scripts/demo/options.js";

describe("demo options", () => {
  it("has the synthetic crash as its default", () => {
    expect(parseOptions([])).to.deep.equal({
      prices: undefined,
      from: undefined,
      hours: 36,
      underlying: "eth",
      seed: 1,
      json: false,
    });
  });

  it("takes the underlying from the file's name unless told", () => {
    expect(parseOptions(["--prices", "a/BTC_1h.csv"])?.underlying).to.equal("btc");
    expect(parseOptions(["--prices", "btc/eth_1h.csv"])?.underlying).to.equal("eth");
    expect(parseOptions(["--prices", "btc.csv", "--underlying", "eth"])?.underlying).to.equal(
      "eth",
    );
    expect(parseOptions(["--underlying", "btc"])?.underlying).to.equal("btc");
  });

  for (const [text, seconds] of [
    ["1583884800", 1_583_884_800],
    ["2020-03-11", 1_583_884_800],
    ["2020-03-11T00:00", 1_583_884_800],
    ["2020-03-11 00:00:30Z", 1_583_884_830],
    ["2020-03-11T01:00+01:00", 1_583_884_800],
  ] as const) {
    it(`reads --from ${text}`, () => {
      expect(parseOptions(["--prices", "x.csv", "--from", text])?.from).to.equal(seconds);
    });
  }

  for (const [args, complaint] of [
    [["--hours", "0"], /'0' is invalid.*above 0/],
    [["--hours", "-3"], /'-3' is invalid/],
    [["--hours", "many"], /'many' is invalid/],
    [["--hours", "1e9"], /is invalid/],
    [["--hours", "99999"], /is invalid/],
    [["--hours"], /argument missing/],
    [["--seed", "1.5"], /'1.5' is invalid.*whole number/],
    [["--seed", "-1"], /is invalid/],
    [["--seed", "abc"], /is invalid/],
    [["--seed", "4294967296"], /is invalid/],
    [["--underlying", "doge"], /Allowed choices are eth, btc/],
    [["--prices", "x.csv", "--from", "yesterday"], /Give a date such as 2020-03-12/],
    [["--prices", "x.csv", "--from", "2021-02-30"], /Give a date/],
    [["--prices", "x.csv", "--from", "2021-13-01"], /Give a date/],
    [["--prices", "x.csv", "--from", "1583884800000"], /milliseconds/],
    [["--from", "2020-03-11"], /--from needs a price file.*Add --prices/],
    [["--nonsense"], /Unknown option '--nonsense'.*Run with --help/],
    [["stray"], /too many arguments/i],
  ] as const) {
    it(`refuses ${args.join(" ")} in a sentence with a cure`, () => {
      expect(() => parseOptions(args)).to.throw(UsageError, complaint);
    });
  }
});
