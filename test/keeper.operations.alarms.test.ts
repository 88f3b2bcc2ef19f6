import { expect } from "chai";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createAlarms } from "../keeper/operations/alarmBoard.js";

/** Alarms at a time that the test moves, with what they say. */
function createBoard() {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  const time = { now: 1_000 };
  const registry = new Registry();
  const clock = { now: () => time.now, sleep: () => Promise.resolve() };
  const alarms = createAlarms({ clock, logger: pino({}, { write }), registry });
  const shown = async (): Promise<string[]> =>
    (await registry.metrics()).split("\n").filter((line) => line.startsWith("plimsoll_"));
  return { alarms, lines, shown, time };
}

describe("Alarms of the keeper", () => {
  it("are listed with the time at which they began, the oldest first, and the newest detail", () => {
    const { alarms, time } = createBoard();
    alarms.raise("nodeUnreachable", "b:1", "no answer");
    time.now = 2_000;
    alarms.raise("blocksStalled", "", "none for 60 s");
    alarms.raise("nodeUnreachable", "b:1", "still no answer");
    expect(alarms.active).to.deep.equal([
      { name: "nodeUnreachable", subject: "b:1", detail: "still no answer", since: 1_000 },
      { name: "blocksStalled", subject: "", detail: "none for 60 s", since: 2_000 },
    ]);
  });

  it("are told apart by their subject, and are gone when they are cleared", () => {
    const { alarms } = createBoard();
    alarms.raise("feedDead", "1", "too old");
    alarms.raise("feedDead", "2", "too old");
    alarms.clear("feedDead", "1");
    expect(alarms.active.map(({ subject }) => subject)).to.deep.equal(["2"]);
  });

  it("are one line in the log when they begin and one when they end, however often they are raised", () => {
    const { alarms, lines, time } = createBoard();
    for (let i = 0; i < 5; ++i) alarms.raise("feedDead", "1", `look ${i}`);
    time.now = 4_500;
    alarms.clear("feedDead", "1");
    alarms.clear("feedDead", "1");
    expect(lines).to.have.length(2);
    expect(lines[0]).to.include({ level: 40, alarm: "feedDead", subject: "1", detail: "look 0" });
    expect(lines[1]).to.include({ level: 30, alarm: "feedDead", lastedSeconds: 3.5 });
  });

  it("are 1 in the gauge while they last, and 0 after", async () => {
    const { alarms, shown } = createBoard();
    alarms.raise("walletEmpty", "0xabc", "0.01 ether");
    expect(await shown()).to.deep.equal([
      'plimsoll_keeper_alarm{name="walletEmpty",subject="0xabc"} 1',
    ]);
    alarms.clear("walletEmpty", "0xabc");
    expect(await shown()).to.deep.equal([
      'plimsoll_keeper_alarm{name="walletEmpty",subject="0xabc"} 0',
    ]);
  });

  it("begin anew after they ended", () => {
    const { alarms, lines, time } = createBoard();
    alarms.raise("feedDead", "1", "once");
    alarms.clear("feedDead", "1");
    time.now = 9_000;
    alarms.raise("feedDead", "1", "again");
    expect(alarms.active[0]).to.include({ since: 9_000, detail: "again" });
    expect(lines.map(({ level }) => level)).to.deep.equal([40, 30, 40]);
  });
});
