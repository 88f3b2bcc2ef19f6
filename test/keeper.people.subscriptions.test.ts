import { expect } from "chai";
import { fastify, type FastifyInstance, type InjectOptions } from "fastify";
import hre from "hardhat";
import { confirmationMessage } from "../keeper/people/message.js";
import { databasePostbox } from "../keeper/people/outbox.js";
import { PROOF_TYPES, proofDomain, type ProofType } from "../keeper/people/proof.js";
import { telegramDesk } from "../keeper/people/desk.js";
import { letterOf } from "../keeper/people/letters.js";
import { claimLetters } from "../keeper/people/claims.js";
import {
  type SubscriptionsOptions,
  subscriptionsPlugin,
} from "../keeper/people/subscriptionsPlugin.js";
import type { Database } from "../keeper/storage/database.js";
import { openSqlite } from "../keeper/storage/sqlite.js";
import { accountId, type AccountId, type Rpc } from "../sdk/index.js";
import { rpcOf } from "./fixtures/eventIndex.js";
import { liquidated, MovedClock, withTables } from "./fixtures/keeperPeople.js";

const connection = await hre.network.create();
const [alice, bob] = await connection.ethers.getSigners();
const CHAIN = BigInt(connection.networkConfig.chainId ?? 31_337);
const SCOPE = { chainId: CHAIN, clearinghouse: `0x${"c1".repeat(20)}`, keeper: "our keeper" };
const HOOK = "https://1.1.1.1/hook";
const DAY = 86_400_000;

describe("Subscriptions", () => {
  let database: Database;
  let clock: MovedClock;
  let app: FastifyInstance;
  let account: AccountId;
  let isNodeDown: boolean;

  beforeEach(async () => {
    database = await withTables(openSqlite(":memory:"));
    clock = new MovedClock();
    account = accountId(alice!.address, 3n);
    isNodeDown = false;
    app = await appWith({});
  });

  afterEach(async () => {
    await app.close();
    await database.close();
  });

  async function appWith(changes: Partial<SubscriptionsOptions>): Promise<FastifyInstance> {
    const honest = rpcOf(connection);
    const rpc: Rpc = async (method, params) => {
      if (isNodeDown) throw new Error("connection refused");
      return honest(method, params);
    };
    const made = fastify();
    await made.register(
      subscriptionsPlugin({
        ...{ database, clock, rpc, scope: SCOPE, allowPrivateWebhooks: false },
        posted: () => undefined,
        channels: ["webhook", "email", "telegram"],
        telegramLinkOf: (code) => Promise.resolve(`https://t.me/our_bot?start=${code}`),
        mostRequests: 100,
        ...changes,
      }),
    );
    return made;
  }

  interface Said {
    account: AccountId;
    channel: string;
    destination: string;
    kinds?: string[];
    until?: number;
    issuedAt: number;
  }

  const now = () => Math.floor(clock.now() / 1_000);
  const asked = (changes: Partial<Said> = {}): Said => ({
    ...{ account, channel: "webhook", destination: HOOK, kinds: ["marginCall", "liquidated"] },
    ...{ until: 0, issuedAt: now() },
    ...changes,
  });

  async function signed(type: ProofType, said: Said, { by = alice!, scope = SCOPE } = {}) {
    const { kinds = [], ...rest } = said;
    const message = { ...rest, kinds: kinds.join(","), keeper: scope.keeper };
    const types = { [type]: PROOF_TYPES[type] };
    return { ...said, signature: await by.signTypedData(proofDomain(scope), types, message) };
  }

  async function post(url: string, payload: InjectOptions["payload"]) {
    const { json, statusCode } = await app.inject({ method: "POST", url, payload: payload! });
    return { statusCode, said: json<Record<string, unknown>>() };
  }

  const subscribe = async (said: Said, how = {}) =>
    post("/people/subscriptions", await signed("Subscription", said, how));
  const end = async ({ account: whose, channel, destination, issuedAt }: Said, how = {}) =>
    post(
      "/people/subscriptions/end",
      await signed("Unsubscription", { account: whose, channel, destination, issuedAt }, how),
    );
  const active = async () =>
    (
      await database.query("SELECT destination FROM people_subscriptions WHERE state = 'active'")
    ).map(({ destination }) => destination);
  const letters = async () =>
    (
      await claimLetters(database, {
        holder: "one",
        now: clock.now(),
        most: { email: 8 },
      })
    ).letters;

  it("say what is to be signed", async () => {
    const { json } = await app.inject({ url: "/people/terms" });
    expect(json()).to.deep.include({
      keeper: "our keeper",
      types: PROOF_TYPES,
      domain: { ...proofDomain(SCOPE), chainId: CHAIN.toString() },
    });
  });

  it("are opened by the owner's signature, and tell a webhook's secret once", async () => {
    const { said, statusCode } = await subscribe(asked());
    expect(statusCode).to.equal(201);
    expect(said).to.deep.include({ state: "active" });
    const [row] = await database.query("SELECT account, kinds, secret FROM people_subscriptions");
    expect(row).to.deep.include({ account, kinds: "marginCall,liquidated", secret: said.secret });
  });

  it("are refused to everybody else, for other words, and at other keepers, chains and deployments", async () => {
    const wrong = [
      await signed("Subscription", asked(), { by: bob! }),
      { ...(await signed("Subscription", asked())), destination: "https://1.1.1.1/other" },
      { ...(await signed("Subscription", asked())), kinds: ["marginCall"] },
      { ...(await signed("Subscription", asked())), account: accountId(bob!.address) },
      { ...(await signed("Unsubscription", asked())) },
      await signed("Subscription", asked(), { scope: { ...SCOPE, keeper: "another" } }),
      await signed("Subscription", asked(), { scope: { ...SCOPE, chainId: 1n } }),
      await signed("Subscription", asked(), {
        scope: { ...SCOPE, clearinghouse: `0x${"c2".repeat(20)}` },
      }),
      { ...asked(), signature: "0x1234" },
    ];
    for (const payload of wrong) {
      const { said, statusCode } = await post("/people/subscriptions", payload);
      expect(statusCode).to.equal(401);
      expect(said).to.deep.include({ code: "proof" });
    }
    expect(await active()).to.deep.equal([]);
  });

  it("are refused to signatures that are used, old, of another time, or older than the last", async () => {
    const first = await signed("Subscription", asked());
    const older = await signed("Subscription", asked({ issuedAt: now() - 1 }));
    expect((await post("/people/subscriptions", first)).statusCode).to.equal(201);
    for (const payload of [first, older]) {
      expect((await post("/people/subscriptions", payload)).statusCode).to.equal(409);
    }
    for (const issuedAt of [now() - 601, now() + 61]) {
      expect((await subscribe(asked({ issuedAt }))).statusCode).to.equal(401);
    }
  });

  it("cannot be opened again by whoever kept the signature, after their end", async () => {
    const kept = await signed("Subscription", asked());
    await post("/people/subscriptions", kept);
    clock.move(1_000);
    expect((await end(asked())).said).to.deep.equal({ ended: 1 });
    expect((await post("/people/subscriptions", kept)).statusCode).to.equal(409);
    expect(await active()).to.deep.equal([]);
  });

  it("are ended by the owner only, one or all of a channel", async () => {
    for (const path of ["a", "b", "c"]) {
      await subscribe(asked({ destination: `${HOOK}/${path}` }));
      clock.move(1_000);
    }
    expect((await end(asked(), { by: bob! })).statusCode).to.equal(401);
    expect((await end(asked({ destination: `${HOOK}/b` }))).said).to.deep.equal({ ended: 1 });
    expect(await active()).to.deep.equal([`${HOOK}/a`, `${HOOK}/c`]);
    clock.move(1_000);
    expect((await end(asked({ destination: "" }))).said).to.deep.equal({ ended: 2 });
  });

  it("are opened by a wallet contract that vouches for its signer, and not by one that does not", async () => {
    const wallet = await connection.ethers.deployContract("MockWallet", [alice]);
    const whose = accountId(await wallet.getAddress());
    const [HONEST, WRONG_MAGIC, REVERTS] = [0n, 2n, 1n];
    expect((await subscribe(asked({ account: whose }), { by: bob! })).statusCode).to.equal(401);
    for (const answer of [WRONG_MAGIC, REVERTS, 3n, 4n, 5n]) {
      await wallet.setAnswer(answer);
      expect((await subscribe(asked({ account: whose }))).statusCode, `${answer}`).to.equal(401);
    }
    await wallet.setAnswer(HONEST);
    expect((await subscribe(asked({ account: whose }))).statusCode).to.equal(201);
  });

  it("ask to be tried again when no node can vouch for a signature", async () => {
    isNodeDown = true;
    const { said, statusCode } = await subscribe(asked(), { by: bob! });
    expect([statusCode, said.code]).to.deep.equal([503, "couldNotLook"]);
  });

  it("are refused for destinations that are none, or inside of the keeper's network", async () => {
    const wrong: [channel: string, destination: string][] = [
      ["webhook", "http://1.1.1.1/"],
      ["webhook", "https://user:pass@1.1.1.1/"],
      ["webhook", "https://127.0.0.1/"],
      ["webhook", "https://localhost:8545/"],
      ["webhook", "https://[::1]/"],
      ["webhook", "https://169.254.169.254/latest/meta-data"],
      ["webhook", "ftp://1.1.1.1/"],
      ["email", "alice@example.com\r\nBcc: bob@example.com"],
      ["email", "alice"],
      ["telegram", "42"],
    ];
    for (const [channel, destination] of wrong) {
      const { said } = await subscribe(asked({ channel, destination }));
      expect(said.code, destination).to.equal("destination");
    }
    expect(await database.query("SELECT id FROM people_subscriptions")).to.deep.equal([]);
  });

  it("are at most ten of an account, and none of one that the chain never heard of", async () => {
    for (let i = 0; i < 10; i++) {
      await subscribe(asked({ destination: `${HOOK}/${i}` }));
      clock.move(1_000);
    }
    expect((await subscribe(asked())).said).to.deep.include({ code: "tooMany" });
    expect(await active()).to.have.length(10);
    await app.close();
    app = await appWith({ isKnown: () => false });
    clock.move(1_000);
    expect((await subscribe(asked())).statusCode).to.equal(401);
  });

  it("by e-mail send nothing but one mail before its button is pressed", async () => {
    const { said } = await subscribe(asked({ channel: "email", destination: "Alice@Example.com" }));
    expect(said).to.deep.include({ state: "pending" }).and.not.have.any.keys("secret", "code");
    await databasePostbox({ database, clock, posted: () => undefined }).post([
      liquidated("a", account),
    ]);
    const [mail, ...others] = await letters();
    expect(others).to.deep.equal([]);
    const { message } = letterOf(mail!, "https://keeper.example/");
    const { code } = JSON.parse(mail!.body) as { code: string };
    const url = `/people/confirm?code=${code}`;
    expect(message).to.deep.equal(confirmationMessage(account, `https://keeper.example${url}`));
    const page = await app.inject({ url });
    expect(page.body).to.contain('<form method="post">');
    expect(await active()).to.deep.equal([]);

    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const pressed = await app.inject({ method: "POST", url, headers, payload: "" });
    expect(pressed.statusCode).to.equal(200);
    expect(await active()).to.deep.equal(["alice@example.com"]);
    const again = await app.inject({ method: "POST", url, headers, payload: "" });
    expect(again.statusCode).to.equal(404);
  });

  it("by e-mail cannot be confirmed after a day", async () => {
    await subscribe(asked({ channel: "email", destination: "alice@example.com" }));
    const [mail] = await letters();
    const { code } = JSON.parse(mail!.body) as { code: string };
    clock.move(DAY + 1);
    const late = await app.inject({ method: "POST", url: `/people/confirm?code=${code}` });
    expect(late.statusCode).to.equal(404);
  });

  it("by e-mail cannot be used to flood a mailbox, whoever asks and however it is spelt", async () => {
    const spelt = [
      "alice@example.com",
      "a.lice@example.com",
      "alice+1@example.com",
      "ALICE@example.com",
    ];
    const codes: unknown[] = [];
    for (const [i, destination] of spelt.entries()) {
      const [by, whose] = i % 2 === 0 ? [alice!, account] : [bob!, accountId(bob!.address)];
      codes.push(
        (
          await subscribe(
            asked({ account: whose, channel: "email", destination, issuedAt: now() + i }),
            { by },
          )
        ).statusCode,
      );
    }
    expect(codes).to.deep.equal([201, 429, 429, 429]);
    const later: number[] = [];
    for (let i = 0; i < 4; i++) {
      clock.move(601_000);
      const said = asked({ channel: "email", destination: `alice+${i}@example.com` });
      later.push((await subscribe(said)).statusCode);
    }
    expect(later).to.deep.equal([201, 201, 429, 429]);
  });

  it("by e-mail cannot be used to write to everybody, by ending and asking anew", async () => {
    const codes: number[] = [];
    for (let i = 0; i < 14; ++i) {
      const said = asked({ channel: "email", destination: `victim${i}@example.com` });
      codes.push((await subscribe(said)).statusCode);
      clock.move(1_000);
      await end(asked({ channel: "email", destination: "" }));
      clock.move(1_000);
    }
    expect(codes).to.deep.equal([...Array<number>(12).fill(201), 429, 429]);
    clock.move(DAY);
    const later = asked({ channel: "email", destination: "other@example.com" });
    expect((await subscribe(later)).statusCode).to.equal(201);
  });

  it("end by the form of any mail program", async () => {
    await subscribe(asked({ channel: "email", destination: "a@example.com" }));
    const [row] = await database.query("SELECT id, secret FROM people_subscriptions");
    const { statusCode } = await app.inject({
      method: "POST",
      url: `/people/leave?${new URLSearchParams({ subscription: String(row!.id), code: String(row!.secret) }).toString()}`,
      headers: { "content-type": "multipart/form-data; boundary=x" },
      payload:
        '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--',
    });
    expect(statusCode).to.equal(200);
    expect(await database.query("SELECT id FROM people_subscriptions")).to.deep.equal([]);
  });

  it("by e-mail end with the link below each mail, and only with it", async () => {
    await subscribe(asked({ channel: "email", destination: "alice@example.com" }));
    const [mail] = await letters();
    const { code } = JSON.parse(mail!.body) as { code: string };
    await app.inject({ method: "POST", url: `/people/confirm?code=${code}` });
    const { secret, subscription } = mail!;
    const leave = (key: string) => `/people/leave?subscription=${subscription}&code=${key}`;
    await app.inject({ method: "POST", url: leave("guessed") });
    await app.inject({ url: leave(secret) });
    expect(await active()).to.have.length(1);
    await app.inject({ method: "POST", url: leave(secret) });
    expect(await active()).to.deep.equal([]);
  });

  it("by Telegram belong to the chat that sends the code in time, once", async () => {
    const { said } = await subscribe(asked({ channel: "telegram", destination: "" }));
    expect(said.link).to.equal(`https://t.me/our_bot?start=${String(said.code)}`);
    const desk = telegramDesk({ database, clock });
    expect(await desk.linked("guessed", "7")).to.contain("not known");
    expect(await desk.linked(String(said.code), "42")).to.contain(alice!.address);
    expect(await desk.linked(String(said.code), "7")).to.contain("not known");
    expect(await active()).to.deep.equal(["42"]);
    expect(await desk.stopped("42")).to.contain("Nothing more");
    expect(await active()).to.deep.equal([]);

    clock.move(1_000);
    const second = await subscribe(asked({ channel: "telegram", destination: "" }));
    clock.move(15 * 60_000 + 1);
    expect(await desk.linked(String(second.said.code), "42")).to.contain("too old");
  });

  it("answer what is malformed with what is wrong, and too many requests not at all", async () => {
    const { said, statusCode } = await post("/people/subscriptions", { account: "0x12" });
    expect(statusCode).to.equal(400);
    expect(said.message).to.contain("64 hexadecimal digits");
    await app.close();
    app = await appWith({ mostRequests: 2 });
    const codes: number[] = [];
    for (let i = 0; i < 3; i++) codes.push((await app.inject({ url: "/people/terms" })).statusCode);
    expect(codes).to.deep.equal([200, 200, 429]);
  });

  it("refuse channels that this keeper does not have", async () => {
    await app.close();
    app = await appWith({ channels: ["webhook"] });
    const said = asked({ channel: "telegram", destination: "" });
    expect((await subscribe(said)).said.code).to.equal("destination");
  });
});
