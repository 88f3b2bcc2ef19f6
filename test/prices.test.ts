import { mkdtemp, rm, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { readCandles } from "../scripts/prices/candles.js";
import { UsageError } from "../scripts/prices/errors.js";

const HEADER = "ts,open,high,low,close,volume";
const GOOD = [HEADER, "1000,10,12,9,11,5", "1060,11,11.5,10,10.5,0", ""].join("\n");

describe("price files", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "plimsoll-candles-"));
  });

  after(async () => {
    await rm(folder, { recursive: true });
  });

  async function fileOf(content: string | Buffer, name = "prices.csv"): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  }

  /** What the person at the keyboard reads when the file is wrong. */
  async function complaintOf(path: string): Promise<string> {
    try {
      await readCandles(path);
    } catch (error) {
      expect(error).to.be.instanceOf(UsageError);
      return (error as UsageError).message;
    }
    throw new Error("the file was accepted");
  }

  const rows = (...lines: string[]) => fileOf([HEADER, ...lines].join("\n"));

  describe("a good file", () => {
    it("gives its candles in order", async () => {
      expect(await readCandles(await fileOf(GOOD))).to.deep.equal([
        { ts: 1000, open: 10, high: 12, low: 9, close: 11 },
        { ts: 1060, open: 11, high: 11.5, low: 10, close: 10.5 },
      ]);
    });

    it("may be gzipped, in several members", async () => {
      const [first = "", ...rest] = GOOD.split("\n");
      const members = Buffer.concat([gzipSync(`${first}\n`), gzipSync(rest.join("\n"))]);
      expect(await readCandles(await fileOf(members, "prices.csv.gz"))).to.have.length(2);
    });

    it("may be gzipped without being named so", async () => {
      expect(await readCandles(await fileOf(gzipSync(GOOD)))).to.have.length(2);
    });

    it("may have a byte order mark, Windows line ends, blank lines and columns of its own", async () => {
      const text = "\ufeffclose,note,ts,open,high,low,volume\r\n\r\n 11 ,x,1000,10,12,9,5\r\n";
      expect(await readCandles(await fileOf(text))).to.deep.equal([
        { ts: 1000, open: 10, high: 12, low: 9, close: 11 },
      ]);
    });

    it("may write prices with an exponent", async () => {
      const [candle] = await readCandles(await rows("1000,1e1,1.2e1,9,11,5"));
      expect(candle?.high).to.equal(12);
    });
  });

  describe("a wrong file is refused with the cause and the cure", () => {
    it("when it does not exist", async () => {
      expect(await complaintOf(join(folder, "none.csv"))).to.match(
        /^There is no file .*none\.csv\. Check the path/,
      );
    });

    it("when a part of its path is a file", async () => {
      expect(await complaintOf(join(await fileOf(GOOD), "deeper.csv"))).to.match(
        /^There is no file/,
      );
    });

    it("when it is a folder", async () => {
      await mkdir(join(folder, "sub"), { recursive: true });
      expect(await complaintOf(join(folder, "sub"))).to.match(
        /is a folder\. Give --prices a file in it/,
      );
    });

    it("when it is empty", async () => {
      expect(await complaintOf(await fileOf(""))).to.match(
        /has no price rows\. Give it a header line ts,open/,
      );
    });

    it("when it has a header only", async () => {
      expect(await complaintOf(await fileOf(`${HEADER}\n`))).to.match(/has no price rows/);
    });

    it("when columns are missing, naming them", async () => {
      expect(await complaintOf(await fileOf("ts,price\n1000,10\n"))).to.equal(
        'prices.csv has no column open, high, low, close, volume: its first line is "ts,price". ' +
          "The first line must name the columns ts,open,high,low,close,volume.",
      );
    });

    it("when the header is missing", async () => {
      expect(await complaintOf(await fileOf("1000,10,12,9,11,5\n"))).to.match(
        /has no column ts, open/,
      );
    });

    it("when it is binary", async () => {
      expect(await complaintOf(await fileOf(Buffer.from([0, 1, 2, 0, 255, 254])))).to.match(
        /is not a text file/,
      );
    });

    it("when it is named .gz but is not gzip", async () => {
      expect(await complaintOf(await fileOf(GOOD, "plain.csv.gz"))).to.match(
        /plain\.csv\.gz is named \.gz but is not gzip/,
      );
    });

    it("when the gzip stream is cut off", async () => {
      const whole = gzipSync(GOOD);
      const path = await fileOf(whole.subarray(0, whole.length - 12), "cut.csv.gz");
      expect(await complaintOf(path)).to.match(/cut\.csv\.gz is cut off/);
    });

    it("when its quotes do not close", async () => {
      expect(await complaintOf(await rows('1000,10,"12,9,11,5'))).to.match(/is not proper CSV/);
    });

    for (const cell of ["ten", "", "0x10", "NaN", "Infinity", "1_000", "1,5"]) {
      it(`when a price is "${cell}", naming the line`, async () => {
        const complaint = await complaintOf(
          await rows("1000,10,12,9,11,5", `1060,"${cell}",12,9,11,5`),
        );
        expect(complaint).to.contain(`prices.csv, line 3: the open "${cell}" is not a number.`);
      });
    }

    it("when a row is too short", async () => {
      expect(await complaintOf(await rows("1000,10,12"))).to.match(
        /line 2: the low "" is not a number/,
      );
    });

    for (const price of ["0", "-3"]) {
      it(`when a price is ${price}`, async () => {
        expect(await complaintOf(await rows(`1000,10,12,${price},11,5`))).to.match(
          /low .* is not a positive price/,
        );
      });
    }

    it("when a price is beyond what a number holds", async () => {
      expect(await complaintOf(await rows("1000,10,1e999,9,11,5"))).to.match(
        /high Infinity is not a positive price/,
      );
    });

    it("when a volume is negative", async () => {
      expect(await complaintOf(await rows("1000,10,12,9,11,-5"))).to.match(/volume -5 is negative/);
    });

    it("when the high is not the highest", async () => {
      expect(await complaintOf(await rows("1000,10,10.5,9,11,5"))).to.match(
        /are not between low 9 and high 10\.5/,
      );
    });

    for (const [why, ts] of [
      ["goes back", 999],
      ["repeats", 1000],
    ] as const) {
      it(`when the time ${why}`, async () => {
        expect(await complaintOf(await rows("1000,10,12,9,11,5", `${ts},10,12,9,11,5`))).to.match(
          new RegExp(`line 3: the ts ${ts} does not come after 1000.*Sort the rows by ts`),
        );
      });
    }

    it("when times are in milliseconds", async () => {
      expect(await complaintOf(await rows("1583884800000,10,12,9,11,5"))).to.match(
        /milliseconds\. Divide the ts/,
      );
    });

    for (const ts of ["1000.5", "0", "-60"]) {
      it(`when a time is ${ts}`, async () => {
        expect(await complaintOf(await rows(`${ts},10,12,9,11,5`))).to.match(
          /is not a time in whole unix seconds/,
        );
      });
    }
  });
});
