import { expect } from "chai";
import { fastify } from "fastify";
import { Wallet } from "ethers";
import { readable } from "../keeper/people/amounts.js";
import { messageOf } from "../keeper/people/message.js";
import type { Notice } from "../keeper/people/notice.js";
import { openPeople, type PeopleOptions, PeopleSettingsError } from "../keeper/people/people.js";
import { PROOF_TYPES, proofDomain } from "../keeper/people/proof.js";
import { webhookSignature } from "../keeper/people/webhook.js";
import { createLeases } from "../keeper/storage/leases.js";
import { openSqlite } from "../keeper/storage/sqlite.js";
import { accountId } from "../sdk/index.js";
import {
  ALICES,
  liquidated,
  MovedClock,
  startReceiver,
  statesOf,
  surroundings,
  until,
  withTables,
} from "./fixtures/keeperPeople.js";

const SCOPE = { chainId: 31_337n, clearinghouse: `0x${"c1".repeat(20)}`, keeper: "our keeper" };

describe("People's room", () => {
  async function openRoom(changes: Partial<PeopleOptions["settings"]> = {}) {
    const database = await withTables(openSqlite(":memory:"));
    const clock = new MovedClock();
    const around = surroundings(clock);
    const room = openPeople({
      ...around,
      database,
      leases: createLeases(database, { holder: "one" }),
      settings: { webhooks: true, allowPrivateWebhooks: true, ...changes },
      secrets: {},
      scope: SCOPE,
      rpc: () => Promise.reject(new Error("no node is needed for a key")),
    });
    return { clock, database, room };
  }

  it("takes a subscription, delivers what happens, and ends when it is told to", async () => {
    let refusals = 1;
    const receiver = await startReceiver((_, response) => {
      response.writeHead(refusals-- > 0 ? 500 : 200).end();
    });
    const { clock, database, room } = await openRoom();
    const app = fastify();
    await app.register(room.plugin);
    const end = new AbortController();
    const ended = room.run(end.signal);

    const owner = Wallet.createRandom();
    const account = accountId(owner.address);
    const issuedAt = Math.floor(clock.now() / 1_000);
    const said = { account, channel: "webhook", destination: receiver.url, until: 0, issuedAt };
    const message = { ...said, kinds: "liquidated", keeper: SCOPE.keeper };
    const types = { Subscription: PROOF_TYPES.Subscription };
    const signature = await owner.signTypedData(proofDomain(SCOPE), types, message);
    const payload = { ...said, kinds: ["liquidated"], signature };
    const opened = await app.inject({ method: "POST", url: "/people/subscriptions", payload });
    const { secret } = opened.json<{ secret: string }>();

    await room.postbox.post([liquidated("a", account), liquidated("b", account)]);
    await until(async () => {
      clock.move(1_000);
      return (await statesOf(database)).join() === "sent,sent";
    });
    expect(receiver.received).to.have.length(3);
    const ids = receiver.received.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(ids).size).to.equal(2);
    for (const { body, headers } of receiver.received) {
      const signed = String(headers["plimsoll-signature"]);
      const seconds = Number(/^t=(\d+),/.exec(signed)?.[1]);
      expect(signed).to.equal(webhookSignature(secret, seconds, body));
      const { block, facts, kind } = JSON.parse(body) as Notice;
      expect({ ...facts, kind, number: block.number }).to.deep.include({
        kind: "liquidated",
        takenPercent: "40",
        number: 7,
      });
    }
    end.abort();
    await ended;
    await app.close();
    await receiver.close();
    await database.close();
  });

  it("says what is missing where e-mail or Telegram is switched on without what it needs", async () => {
    const smtp = { host: "mail.example", port: 465, secure: true, from: "keeper@mail.example" };
    for (const [settings, cure] of [
      [{ smtp }, "people.publicUrl"],
      [{ telegram: { apiRoot: "https://api.telegram.org" } }, "token"],
    ] as const) {
      const error = await openRoom(settings).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(PeopleSettingsError);
      expect((error as Error).message).to.contain(cure);
    }
  });
});

describe("Messages to people", () => {
  const called: Notice = {
    ...liquidated("call"),
    kind: "marginCall",
    facts: {
      ...{ currency: "USDC", status: "MarginCall", equity: "1499.999", initial: "1710" },
      ...{ maintenance: "1026", shortfall: "210.000000000000018", closedPercent: "12.29" },
      ...{ "deposit.USDC": "210.000001", "deposit.WETH": "0.083333333333333334" },
      ...{ liquidationInstrument: "ETH-PERP", liquidationPrice: "2648.123456" },
    },
  };

  it("say what restores health, in whole tokens, and never too little", () => {
    const { subject, text } = messageOf(called, { publicUrl: undefined, leaveUrl: undefined });
    expect(subject).to.match(/^Margin call: 0xA1a1…A1a1 lacks 210\.01 USDC$/i);
    expect(text.split("\n").slice(2)).to.deep.equal([
      "Equity 1,499.99 USDC, initial margin 1,710.00 USDC, maintenance margin 1,026.00 USDC.",
      "",
      "At the prices of 2025-06-15 15:06:40 UTC (block 7) each of these alone restores initial margin, before fees:",
      "- deposit 210.01 USDC",
      "- deposit 0.083334 WETH",
      "- close 12.29 % of every position",
      "",
      "All else as it is, it can be liquidated when ETH-PERP is at 2,648.12.",
    ]);
  });

  it("are escaped where they are HTML, and link to where there is more", () => {
    const facts = { ...called.facts, currency: "<b>&USD" };
    const leaveUrl = "https://keeper.example/leave?a=1&code=x";
    const { html } = messageOf(
      { ...called, facts },
      { publicUrl: "https://keeper.example", leaveUrl },
    );
    expect(html).to.contain("&lt;b&gt;&amp;USD").and.not.contain("<b>");
    expect(html).to.contain('<a href="https://keeper.example/leave?a=1&amp;code=x">');
  });

  it("are written for every kind of notice", () => {
    const facts = {
      currency: "USDC",
      amount: "5.5",
      tip: "1",
      budgetLeft: "100",
      instruction: "3",
    };
    const footing = { publicUrl: undefined, leaveUrl: undefined };
    const toppedUp = messageOf({ ...liquidated("t"), kind: "toppedUp", facts }, footing);
    expect(toppedUp.subject).to.contain("received 5.50 USDC");
    const recovered = messageOf({ ...called, kind: "recovered" }, footing);
    expect(recovered.text).to.contain("has its initial margin again");
    const taken = messageOf(liquidated("l", ALICES), footing);
    expect(taken.subject).to.contain("40.00 %");
  });

  it("round amounts to the side that is asked for", () => {
    const cases: [text: string, decimals: number, up: string, down: string][] = [
      ["0", 2, "0.00", "0.00"],
      ["1234567.891", 2, "1,234,567.90", "1,234,567.89"],
      ["-0.001", 2, "0.00", "-0.01"],
      ["-1.999", 2, "-1.99", "-2.00"],
      ["999.999", 0, "1,000", "999"],
      ["5.10", 2, "5.10", "5.10"],
    ];
    for (const [text, decimals, up, down] of cases) {
      expect([readable(text, decimals, "up"), readable(text, decimals, "down")]).to.deep.equal([
        up,
        down,
      ]);
    }
  });
});
