import { expect } from "chai";
import { drawChart, sparkline } from "../../scripts/demo/chart.js";
import {
  change,
  clock,
  decimal,
  priceOf,
  sizeOf,
  toNumber,
  toWad,
  usd,
} from "../../scripts/demo/format.js";
import { wrap } from "../../scripts/demo/terminal.js";

const WAD = 10n ** 18n;

describe("demo rendering", () => {
  describe("sparkline", () => {
    it("spreads values over eight blocks", () => {
      expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8)).to.equal("▁▂▃▄▅▆▇█");
    });

    it("shows the last values only, and a flat line where nothing moves", () => {
      expect(sparkline([9, 1, 1, 1], 3)).to.equal("▁▁▁");
    });
  });

  describe("drawChart", () => {
    const options = {
      width: 5,
      height: 3,
      priceLabel: (price: number) => `$${price}`,
      timeLabel: (time: number) => `${time}`,
    };
    const points = [3, 3, 1, 2, 2].map((price, time) => ({ time, price }));

    it("joins prices with a line between labelled axes", () => {
      expect(drawChart(points, options).slice(0, 4)).to.deep.equal([
        "$3 ┤──╮  ",
        "   ┤  │╭─",
        "$1 ┤  ╰╯ ",
        "   └┴┴┴┴┴",
      ]);
    });

    it("puts the weightiest mark of a moment on the line", () => {
      const marks = [
        { time: 4, symbol: "!", weight: 1 },
        { time: 4, symbol: "x", weight: 2 },
      ];
      expect(drawChart(points, { ...options, marks })[1]).to.equal("   ┤  │╭x");
    });

    it("puts times below their ticks", () => {
      const wide = [0, 1, 2, 3, 4].map((hour) => ({ time: hour, price: 1 }));
      const axis = drawChart(wide, { ...options, width: 17, timeLabel: (time) => `t${time}` });
      expect(axis.slice(-2)).to.deep.equal(["   └┴───┴───┴───┴───┴", "    t0 t1  t2  t3  t4"]);
    });

    it("draws nothing of nothing", () => {
      expect(drawChart([], options)).to.deep.equal([]);
    });
  });

  describe("numbers", () => {
    it("have a typographic minus, and none when they round to zero", () => {
      expect(decimal(-1234.5, 2)).to.equal("−1,234.50");
      expect(decimal(-0.001, 2)).to.equal("0.00");
      expect(usd(-1n)).to.equal("$0.00");
      expect(change(-0.0001)).to.equal("0.0 %");
      expect(change(0.0001)).to.equal("0.0 %");
      expect(change(0.123)).to.equal("+12.3 %");
    });

    it("show cents only where they matter", () => {
      expect(usd(0n)).to.equal("$0");
      expect(usd(99_990_000_000_000_000_000n)).to.equal("$99.99");
      expect(usd(-1_234_560_000_000_000_000_000n)).to.equal("−$1,235");
      expect(priceOf(2912.4)).to.equal("$2,912.40");
    });

    it("show sizes with their sign", () => {
      expect(sizeOf(3n * WAD, "ETH")).to.equal("+3.00 ETH");
      expect(sizeOf(-WAD / 8n, "BTC")).to.equal("−0.1250 BTC");
    });

    it("turn into WADs and back", () => {
      expect(toWad(1.5)).to.equal((3n * WAD) / 2n);
      expect(toNumber(-(3n * WAD) / 2n)).to.equal(-1.5);
      expect(toNumber(10n ** 27n + WAD / 2n)).to.equal(1e9 + 0.5);
    });

    it("tell time in hours, and in days when it is long", () => {
      expect(clock(27_600)).to.equal("+07:40");
      expect(clock(100 * 3600)).to.equal("+4d 04h");
    });
  });

  describe("wrap", () => {
    it("breaks at spaces and indents", () => {
      expect(wrap("one two three", { width: 9, indent: 2 })).to.deep.equal([
        "  one two",
        "  three",
      ]);
    });

    it("leaves long words whole", () => {
      expect(wrap("a incomprehensible b", { width: 6, indent: 0 })).to.deep.equal([
        "a",
        "incomprehensible",
        "b",
      ]);
    });
  });
});
