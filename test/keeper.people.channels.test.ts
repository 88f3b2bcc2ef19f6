import { once } from "node:events";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { expect } from "chai";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { Letter } from "../keeper/people/channel.js";
import { type EmailOptions, emailChannel } from "../keeper/people/email.js";
import { isPublicAddress, publicLookup } from "../keeper/people/networks.js";
import { telegramChannel } from "../keeper/people/telegram.js";
import { webhookChannel, webhookSignature } from "../keeper/people/webhook.js";
import { createLeases } from "../keeper/storage/leases.js";
import { openSqlite } from "../keeper/storage/sqlite.js";
import { MovedClock, SILENT, startReceiver, until, withTables } from "./fixtures/keeperPeople.js";

const NEVER = new AbortController().signal;
const TOKEN = "123456:secret-of-the-bot";
/** Long enough on a busy machine, short enough to wait for [milliseconds]. */
const TIMEOUT = 1_500;

function letterTo(destination: string): Letter {
  return {
    id: "letter-1",
    kind: "marginCall",
    destination,
    secret: "the secret",
    message: { subject: "Margin call", text: "Deposit 5 USDC", html: "<p>Deposit 5 USDC</p>" },
    body: '{"id":"letter-1"}',
    leaveUrl: "https://keeper.example/people/leave?code=x",
  };
}

describe("Webhooks", () => {
  const clock = new MovedClock();
  const open = webhookChannel({ clock, allowPrivate: true, timeout: TIMEOUT });
  const closes: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const close of closes.splice(0)) await close();
  });

  async function receiver(...given: Parameters<typeof startReceiver>) {
    const started = await startReceiver(...given);
    closes.push(started.close);
    return started;
  }

  it("can be verified by their receiver, and say the same id at every attempt", async () => {
    const { received, url } = await receiver((_, response) => response.writeHead(204).end());
    expect(await open.send(letterTo(`${url}/hook`), NEVER)).to.deep.equal({ kind: "sent" });
    const [{ body, headers }] = received as [(typeof received)[0]];
    const seconds = Math.floor(clock.now() / 1_000);
    expect(body).to.equal('{"id":"letter-1"}');
    expect(headers["idempotency-key"]).to.equal("letter-1");
    expect(headers["plimsoll-signature"]).to.equal(webhookSignature("the secret", seconds, body));
    expect(headers["plimsoll-signature"]).to.not.equal(webhookSignature("other", seconds, body));
  });

  it("are tried again after any answer that is no success, and follow no redirect", async () => {
    const inner = await receiver((_, response) => response.end());
    for (const status of [302, 307, 400, 404, 500, 503]) {
      const { received, url } = await receiver((_, response) =>
        response.writeHead(status, { location: inner.url }).end(),
      );
      expect(await open.send(letterTo(url), NEVER)).to.deep.include({
        kind: "failed",
        isOurs: false,
      });
      expect(received).to.have.length(1);
    }
    expect(inner.received).to.deep.equal([]);
  });

  it("end when their receiver says that it is gone", async () => {
    const { url } = await receiver((_, response) => response.writeHead(410).end());
    expect(await open.send(letterTo(url), NEVER)).to.deep.include({ kind: "refused" });
  });

  it("are tried again when their receiver hangs, resets or is not there", async () => {
    const hanging = await receiver(() => undefined);
    const resetting = await receiver((_, response) => response.socket?.resetAndDestroy());
    const gone = await receiver(() => undefined);
    await gone.close();
    closes.pop();
    for (const { url } of [hanging, resetting, gone]) {
      expect(await open.send(letterTo(url), NEVER)).to.deep.include({
        kind: "failed",
        isOurs: false,
      });
    }
  });

  it("are tried again when their receiver changes the protocol instead of answering", async () => {
    const raw = createTcpServer((socket) => {
      socket.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    }).listen(0, "127.0.0.1");
    await once(raw, "listening");
    const { port } = raw.address() as AddressInfo;
    const delivery = await open.send(letterTo(`http://127.0.0.1:${port}/`), NEVER);
    expect(delivery).to.deep.include({ kind: "failed" });
    raw.close();
  });

  it("do not read an answer that never ends", async () => {
    const { url } = await receiver((_, response) => {
      response.writeHead(200);
      const pour = setInterval(() => response.write("x".repeat(65_536)), 1);
      response.on("close", () => {
        clearInterval(pour);
      });
    });
    expect(await open.send(letterTo(url), NEVER)).to.deep.equal({ kind: "sent" });
  });

  it("do not reach this machine's own network, by number or by name", async () => {
    const { received, url } = await receiver((_, response) => response.end());
    const { port } = new URL(url);
    const strict = webhookChannel({ clock, allowPrivate: false, timeout: TIMEOUT });
    const hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"];
    for (const host of hosts) {
      const delivery = await strict.send(letterTo(`http://${host}:${port}/`), NEVER);
      expect(delivery, host).to.deep.include({ kind: "failed" });
    }
    expect(received).to.deep.equal([]);
  });

  it("are looked up at the moment of the connection, by what is connected to", async () => {
    const error = await new Promise((resolve) => {
      publicLookup("localhost", { all: false }, resolve);
    });
    expect((error as Error).name).to.equal("PrivateAddress");
  });

  it("are not looked up at all by names that no public machine has", async () => {
    for (const host of ["localhost", "LOCALHOST", "a.localhost.", "router", "localhost."]) {
      const error = await new Promise((resolve) => {
        publicLookup(host, { all: true }, resolve);
      });
      expect((error as Error).name, host).to.equal("PrivateAddress");
    }
  });

  it("know which addresses are public", () => {
    const inside =
      "10.1.2.3 172.31.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 " +
      "::1 :: fe80::1 fc00::1 ff02::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1:: 2001:db8::1 name";
    for (const address of inside.split(" ")) expect(isPublicAddress(address), address).to.be.false;
    const outside = "1.1.1.1 172.32.0.1 2606:4700::1111 100.128.0.1";
    for (const address of outside.split(" ")) expect(isPublicAddress(address), address).to.be.true;
  });
});

describe("E-mail", () => {
  let server: SMTPServer | undefined;
  let raw: Server | undefined;

  afterEach(async () => {
    if (server !== undefined)
      await new Promise<void>((done) => {
        server!.close(() => {
          done();
        });
      });
    raw?.close();
    [server, raw] = [undefined, undefined];
  });

  async function startSmtp(options: SMTPServerOptions): Promise<EmailOptions> {
    server = new SMTPServer({ disabledCommands: ["STARTTLS"], authOptional: true, ...options });
    server.on("error", () => undefined);
    server.listen(0, "127.0.0.1");
    await once(server.server, "listening");
    return optionsFor((server.server.address() as AddressInfo).port);
  }

  function optionsFor(port: number): EmailOptions {
    const at = { host: "127.0.0.1", port, secure: false, timeout: TIMEOUT };
    return { ...at, from: "keeper@keeper.example", allowAnyCertificate: true };
  }

  it("arrives as text and HTML, with a link to end it", async () => {
    const mails: string[] = [];
    const options = await startSmtp({
      onAuth: ({ password, username }, _session, done) => {
        done(username === "me" && password === "pass" ? null : new Error("no"), { user: "me" });
      },
      onData(stream, _session, done) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          mails.push(Buffer.concat(chunks).toString());
          done();
        });
      },
      allowInsecureAuth: true,
    });
    const channel = emailChannel({ ...options, user: "me", password: "pass" });
    expect(await channel.send(letterTo("alice@example.com"), NEVER)).to.deep.equal({
      kind: "sent",
    });
    expect(mails).to.have.length(1);
    for (const part of [
      "To: alice@example.com",
      "Subject: Margin call",
      "text/plain",
      "text/html",
    ]) {
      expect(mails[0]).to.contain(part);
    }
    expect(mails[0]).to.contain("List-Unsubscribe-Post: List-Unsubscribe=One-Click");

    const stranger = emailChannel({ ...options, user: "me", password: "wrong" });
    const refused = await stranger.send(letterTo("alice@example.com"), NEVER);
    expect(refused).to.deep.include({ kind: "failed", isOurs: true });
    expect(JSON.stringify(refused)).to.not.contain("wrong");
  });

  it("says no password in the clear to another machine", async () => {
    let logins = 0;
    const { port } = await startSmtp({
      onAuth: (_given, _session, done) => {
        ++logins;
        done(null, { user: "me" });
      },
      allowInsecureAuth: true,
    });
    // The same machine by an address that does not say so.
    const options = { ...optionsFor(port), host: "0.0.0.0", user: "me", password: "pass" };
    const delivery = await emailChannel(options).send(letterTo("alice@example.com"), NEVER);
    expect(delivery).to.deep.include({ kind: "failed", isOurs: true });
    expect(logins).to.equal(0);
  });

  it("is tried again when the server refuses it, whenever it does", async () => {
    const refuse = (code: number) => Object.assign(new Error("refused"), { responseCode: code });
    const atRecipient = await startSmtp({
      onRcptTo: (_address, _session, done) => {
        done(refuse(550));
      },
    });
    const letter = letterTo("alice@example.com");
    expect(await emailChannel(atRecipient).send(letter, NEVER)).to.deep.include({
      kind: "failed",
      isOurs: false,
    });
    server!.close();
    const atText = await startSmtp({
      onData(stream, _session, done) {
        stream.resume();
        stream.on("end", () => {
          done(refuse(451));
        });
      },
    });
    expect(await emailChannel(atText).send(letter, NEVER)).to.deep.include({ kind: "failed" });
  });

  it("is tried again when nobody is there, or hangs before the text", async () => {
    raw = createTcpServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
    await once(raw, "listening");
    const { port } = raw.address() as AddressInfo;
    const letter = letterTo("alice@example.com");
    const silent = await emailChannel(optionsFor(port)).send(letter, NEVER);
    expect(silent).to.deep.include({ kind: "failed", isOurs: true });
    const gone = await emailChannel(optionsFor(1)).send(letter, NEVER);
    expect(gone).to.deep.include({ kind: "failed", isOurs: true });
  });

  it("is of unknown fate when the server falls silent after the text", async () => {
    const options = await startSmtp({
      onData(stream) {
        stream.resume();
      },
    });
    const delivery = await emailChannel(options).send(letterTo("alice@example.com"), NEVER);
    expect(delivery).to.deep.include({ kind: "unknown" });
  });
});

describe("Telegram", () => {
  const closes: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const close of closes.splice(0)) await close();
  });

  type Answer = (method: string, sent: Record<string, unknown>) => unknown;

  /** A server that speaks the bot API as far as the keeper uses it. */
  async function api(answer: Answer) {
    const server = await startReceiver(async ({ body, url }, response) => {
      const sent = (body === "" ? {} : JSON.parse(body)) as Record<string, unknown>;
      const said = await answer(url.split("/").at(-1) ?? "", sent);
      if (said === undefined) return;
      const { error_code: code = 200 } = said as { error_code?: number };
      response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(said));
    });
    closes.push(server.close);
    const channel = telegramChannel({ token: TOKEN, apiRoot: server.url, timeout: TIMEOUT });
    return { ...server, channel };
  }

  const failing = (error_code: number, parameters = {}) => ({
    ok: false,
    error_code,
    description: "no",
    parameters,
  });

  it("delivers text to a chat", async () => {
    const sent: unknown[] = [];
    const { channel } = await api((method, one) => {
      sent.push([method, one.chat_id, one.text]);
      return { ok: true, result: { message_id: 1, date: 1, chat: { id: 42, type: "private" } } };
    });
    expect(await channel.send(letterTo("42"), NEVER)).to.deep.equal({ kind: "sent" });
    expect(sent).to.deep.equal([["sendMessage", "42", "Margin call\n\nDeposit 5 USDC"]]);
  });

  it("waits as long as it is told, ends where it is blocked, and blames itself for a wrong token", async () => {
    const busy = await api(() => failing(429, { retry_after: 7 }));
    expect(await busy.channel.send(letterTo("42"), NEVER)).to.deep.include({
      kind: "failed",
      retryAfter: 7_000,
    });
    const blocked = await api(() => failing(403));
    expect(await blocked.channel.send(letterTo("42"), NEVER)).to.deep.include({ kind: "refused" });
    const wrong = await api(() => failing(401));
    expect(await wrong.channel.send(letterTo("42"), NEVER)).to.deep.include({
      kind: "failed",
      isOurs: true,
    });
  });

  it("does not know the fate of a message without an answer, and never says its token", async () => {
    const hanging = await api(() => undefined);
    const unknown = await hanging.channel.send(letterTo("42"), NEVER);
    expect(unknown).to.deep.include({ kind: "unknown" });
    const gone = telegramChannel({ token: TOKEN, apiRoot: "http://127.0.0.1:1", timeout: TIMEOUT });
    const failed = await gone.send(letterTo("42"), NEVER);
    expect(failed).to.deep.include({ kind: "failed", isOurs: true });
    expect(JSON.stringify([unknown, failed])).to.not.contain("secret");
  });

  it("takes codes from people, and one keeper at a time listens", async () => {
    const database = await withTables(openSqlite(":memory:"));
    const updates = ["/start CODE", "hello", "/stop"].map((text, i) => ({
      update_id: 10 + i,
      message: { message_id: i, date: 1, text, chat: { id: 42, type: "private" } },
    }));
    const answers: unknown[] = [];
    const askedFrom: unknown[] = [];
    const { channel } = await api(async (method, { offset, text }) => {
      if (method === "sendMessage") answers.push(text);
      if (method !== "getUpdates") return { ok: true, result: {} };
      askedFrom.push(offset);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { ok: true, result: askedFrom.length === 1 ? updates : [] };
    });
    const end = new AbortController();
    const desk = {
      linked: (code: string, chat: string) => Promise.resolve(`linked ${code} ${chat}`),
      stopped: (chat: string) => Promise.resolve(`stopped ${chat}`),
    };
    const around = { desk, clock: new MovedClock(), logger: SILENT, signal: end.signal };
    const first = channel.listen({ ...around, leases: createLeases(database, { holder: "one" }) });
    await until(() => askedFrom.length > 1);
    const second = await api(() => ({ ok: true, result: [] }));
    const waiting = second.channel.listen({
      ...around,
      leases: createLeases(database, { holder: "two" }),
    });
    await until(() => askedFrom.length > 4);
    end.abort();
    await Promise.all([first, waiting]);
    expect(answers).to.deep.equal(["linked CODE 42", "stopped 42"]);
    expect(askedFrom.slice(0, 2)).to.deep.equal([0, 13]);
    expect(second.received).to.deep.equal([]);
    await database.close();
  });

  it("gives a link that sends the code", async () => {
    const result = { id: 1, is_bot: true, first_name: "Keeper", username: "keeper_bot" };
    const { channel } = await api(() => ({ ok: true, result }));
    expect(await channel.linkOf("abc")).to.equal("https://t.me/keeper_bot?start=abc");
  });
});
