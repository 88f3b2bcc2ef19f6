import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { type ConfigSources, loadConfig, type LoadedConfig } from "../keeper/config/load.js";
import { ConfigError } from "../keeper/config/problem.js";
import { publicUrl } from "../keeper/config/publicUrl.js";
import { configSchema } from "../keeper/config/schema.js";
import { settingNamed, SETTINGS } from "../keeper/config/settings.js";
import { databaseUrl } from "../keeper/config/storagePassword.js";

const PRIVATE_KEY = `0x${"4c".repeat(32)}`;
const ACCOUNT = `0x${"12".repeat(32)}`;

/** What is wrong, line by line; fails when nothing is. */
function complaintsOf(sources: ConfigSources): string[] {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  throw new Error("The settings were accepted");
}

/** Settings of a keeper that may begin, and what is added to them. */
function load(sources: ConfigSources = {}): LoadedConfig {
  const environment = {
    PLIMSOLL_KEEPER_PRIVATE_KEY: PRIVATE_KEY,
    PLIMSOLL_KEEPER_LIQUIDATE_ACCOUNT: ACCOUNT,
    ...sources.environment,
  };
  return loadConfig({ ...sources, environment });
}

describe("The keeper's settings", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "plimsoll-config-"));
  });

  after(() => {
    rmSync(folder, { recursive: true });
  });

  function fileOf(content: string, name = "keeper.yaml"): string {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    return file;
  }

  it("are the schema's own when nothing is given", () => {
    const { config } = loadConfig({
      flags: new Map([["dryRun", "true"]]),
      environment: { PLIMSOLL_KEEPER_ROLES: "none" },
    });
    expect(config).to.deep.equal(configSchema.parse({ dryRun: true, roles: [] }));
  });

  it("are taken from flags before the environment before the file before the defaults", () => {
    const file = fileOf("name: ofFile\nrpc:\n  timeoutSeconds: 7\n  pollSeconds: 3\n");
    const environment = {
      PLIMSOLL_KEEPER_NAME: "ofEnvironment",
      PLIMSOLL_KEEPER_RPC_TIMEOUT_SECONDS: "8",
    };
    const { config, origins } = load({ flags: new Map([["name", "ofFlag"]]), environment, file });
    expect(config.name).to.equal("ofFlag");
    expect(config.rpc).to.include({ timeoutSeconds: 8, pollSeconds: 3, stalledSeconds: 60 });
    expect([...origins].filter(([, origin]) => origin !== "default")).to.deep.equal([
      ["name", "--name"],
      ["rpc.timeoutSeconds", "PLIMSOLL_KEEPER_RPC_TIMEOUT_SECONDS"],
      ["rpc.pollSeconds", file],
      ["liquidate.account", "PLIMSOLL_KEEPER_LIQUIDATE_ACCOUNT"],
    ]);
  });

  it("may come from JSON, and the file's name from the environment", () => {
    const file = fileOf('{"dispatch": {"bumpBlocks": 5}}', "keeper.json");
    const { config } = load({ environment: { PLIMSOLL_KEEPER_CONFIG: file } });
    expect(config.dispatch.bumpBlocks).to.equal(5);
  });

  it("take lists apart by commas, and numbers with underscores", () => {
    const { config } = load({
      environment: {
        PLIMSOLL_KEEPER_RPC_URLS: "https://a.example/key, https://b.example",
        PLIMSOLL_KEEPER_RPC_FIRST_BLOCK: "12_345_678",
      },
    });
    expect(config.rpc.urls).to.deep.equal(["https://a.example/key", "https://b.example"]);
    expect(config.rpc.firstBlock).to.equal(12_345_678);
  });

  it("are not given by a variable that is empty", () => {
    const { config } = load({ environment: { PLIMSOLL_KEEPER_NAME: "" } });
    expect(config.name).to.equal("keeper");
  });

  it("switch a way to people on when one of its settings is given, or its group is there", () => {
    const environment = { PLIMSOLL_KEEPER_TELEGRAM_TOKEN: "1234:token" };
    const { config } = load({ environment, file: fileOf("people:\n  telegram: {}\n") });
    expect(config.people.telegram).to.deep.equal({ apiRoot: "https://api.telegram.org" });
    expect(config.people.smtp).to.equal(undefined);
  });

  it("have a name, a flag and a variable of their own each", () => {
    for (const key of ["name", "flag", "variable"] as const) {
      expect(new Set(SETTINGS.map((setting) => setting[key])).size).to.equal(SETTINGS.length);
    }
    expect(settingNamed("people.allowPrivateWebhooks")).to.include({
      flag: "--people-allow-private-webhooks",
      variable: "PLIMSOLL_KEEPER_PEOPLE_ALLOW_PRIVATE_WEBHOOKS",
    });
  });

  describe("when they are wrong", () => {
    it("are all told at once, each with its place and its cure", () => {
      const file = fileOf("rpc:\n  url: http://a\n  laggingBlocks: 0\nroles: [liquidate, pay]\n");
      const complaints = complaintsOf({
        flags: new Map([["rpc.timeoutSeconds", "soon"]]),
        environment: { PLIMSOLL_KEEPER_NAMES: "x", PLIMSOLL_KEEPER_SERVER_PORT: "70000" },
        file,
      });
      expect(complaints).to.deep.equal([
        "PLIMSOLL_KEEPER_NAMES is no variable of the keeper. Did you mean PLIMSOLL_KEEPER_NAME?",
        `${file}: rpc.url is no setting. Did you mean rpc.urls?`,
        "--rpc-timeout-seconds must be a number [seconds]. How long a node may take to answer. The default is 5.",
        `${file}: rpc.laggingBlocks must be more than 0 [blocks]. A node so far behind the best one is not asked. The default is 3.`,
        `${file}: roles (number 2) must be of: liquidate, topUps, triggers, deleverage, marginCalls, volatility, funding. ` +
          "What this keeper does; `none` to watch only. The default is liquidate,topUps,triggers,deleverage,marginCalls,volatility,funding.",
        "PLIMSOLL_KEEPER_SERVER_PORT must be at most 65535. Its port, for metrics, health and subscriptions; 0 takes any that is free. The default is 9464.",
      ]);
    });

    it("name the file's line that is neither YAML nor JSON, without what stands there", () => {
      const file = fileOf("name: keeper\nrpc: [hidden: {\n");
      const [first] = complaintsOf({ file });
      expect(first).to.match(/keeper\.yaml:\d+:\d+ is neither YAML nor JSON\. Correct the file/);
      expect(first).not.to.include("hidden");
    });

    it("say so when the file is not there", () => {
      const file = path.join(folder, "nowhere.yaml");
      expect(complaintsOf({ file })[0]).to.equal(
        `${file} cannot be read (ENOENT). Give --config an existing file.`,
      );
    });

    it("ask for what a group cannot do without", () => {
      const [first] = complaintsOf({ flags: new Map([["people.smtp.host", "mail.example"]]) });
      expect(first).to.equal(
        "people.smtp.port is missing, and its group does not work without it. " +
          "Give --people-smtp-port, PLIMSOLL_KEEPER_PEOPLE_SMTP_PORT or the file's people.smtp.port.",
      );
    });

    it("refuse an address of a node that is none", () => {
      const flags = new Map([["rpc.urls", "http://a.example,ftp://key@b.example"]]);
      expect(complaintsOf({ flags })[0]).to.equal(
        "--rpc-urls (number 2) must be an http:// or https:// address. " +
          "HTTP addresses of nodes, the preferred one first. The default is http://127.0.0.1:8545.",
      );
    });
  });

  describe("when they contradict each other", () => {
    const contradictions: [string, ConfigSources, RegExp][] = [
      [
        "liquidate without an account",
        { environment: { PLIMSOLL_KEEPER_LIQUIDATE_ACCOUNT: "" } },
        /^liquidate\.account is missing, and roles has liquidate\. Give --liquidate-account or/,
      ],
      [
        "have nobody who signs",
        { environment: { PLIMSOLL_KEEPER_PRIVATE_KEY: "" } },
        /^wallet is missing: nobody could sign transactions\. Set PLIMSOLL_KEEPER_PRIVATE_KEY, or/,
      ],
      [
        "have two wallets",
        { environment: { PLIMSOLL_KEEPER_WALLET_KEYSTORE: "key.json" } },
        /^wallet\.keystore is given, and so is PLIMSOLL_KEEPER_PRIVATE_KEY\./,
      ],
      [
        "have a keystore and no password",
        {
          environment: {
            PLIMSOLL_KEEPER_PRIVATE_KEY: "",
            PLIMSOLL_KEEPER_WALLET_KEYSTORE: "key.json",
          },
        },
        /^wallet\.keystore is given without its password\. Set PLIMSOLL_KEEPER_KEYSTORE_PASSWORD or PLIMSOLL_KEEPER_KEYSTORE_PASSWORD_FILE\./,
      ],
      [
        "sign with what is no key",
        { environment: { PLIMSOLL_KEEPER_PRIVATE_KEY: "0x1234" } },
        /^PLIMSOLL_KEEPER_PRIVATE_KEY is no private key\. Give 0x and 64 hexadecimal digits/,
      ],
      [
        "send mail without logging in",
        {
          environment: {
            PLIMSOLL_KEEPER_PEOPLE_SMTP_HOST: "mail.example",
            PLIMSOLL_KEEPER_PEOPLE_SMTP_PORT: "465",
            PLIMSOLL_KEEPER_PEOPLE_SMTP_FROM: "keeper@mail.example",
          },
        },
        /^people\.smtp is given without a user and a password\. Set PLIMSOLL_KEEPER_SMTP_USER and/,
      ],
      [
        "log in with half a login",
        { environment: { PLIMSOLL_KEEPER_SMTP_USER: "me" } },
        /^PLIMSOLL_KEEPER_SMTP_USER is given without PLIMSOLL_KEEPER_SMTP_PASSWORD\./,
      ],
      [
        "have Telegram without a token",
        { environment: { PLIMSOLL_KEEPER_PEOPLE_TELEGRAM_API_ROOT: "https://api.telegram.org" } },
        /^people\.telegram is on without the bot's token\. Set PLIMSOLL_KEEPER_TELEGRAM_TOKEN/,
      ],
      [
        "have a token without Telegram",
        { environment: { PLIMSOLL_KEEPER_TELEGRAM_TOKEN: "1234:token" } },
        /^PLIMSOLL_KEEPER_TELEGRAM_TOKEN is given, and Telegram is not on\./,
      ],
      [
        "have a password for a file",
        { environment: { PLIMSOLL_KEEPER_POSTGRES_PASSWORD: "hush" } },
        /^PLIMSOLL_KEEPER_POSTGRES_PASSWORD is given, and storage is not Postgres\./,
      ],
      [
        "keep in a database that nobody knows",
        { environment: { PLIMSOLL_KEEPER_STORAGE: "mysql://a@b/c" } },
        /^storage is of a kind of database that the keeper does not know\./,
      ],
      [
        "name a role twice",
        { environment: { PLIMSOLL_KEEPER_ROLES: "funding,funding" } },
        /^roles names a role twice\./,
      ],
      [
        "raise an alarm for every block",
        { environment: { PLIMSOLL_KEEPER_RPC_STALLED_SECONDS: "1" } },
        /^rpc\.stalledSeconds is not longer than rpc\.pollSeconds/,
      ],
    ];
    for (const [title, { environment }, wanted] of contradictions) {
      it(`${title}: refused`, () => {
        const all = {
          PLIMSOLL_KEEPER_PRIVATE_KEY: PRIVATE_KEY,
          PLIMSOLL_KEEPER_LIQUIDATE_ACCOUNT: ACCOUNT,
          ...environment,
        };
        const complaints = complaintsOf({ environment: all });
        expect(complaints).to.have.length(1);
        expect(complaints[0]).to.match(wanted);
      });
    }

    it("lets a relay on this machine go without a login", () => {
      const { config } = load({
        environment: {
          PLIMSOLL_KEEPER_PEOPLE_SMTP_HOST: "127.0.0.1",
          PLIMSOLL_KEEPER_PEOPLE_SMTP_PORT: "25",
          PLIMSOLL_KEEPER_PEOPLE_SMTP_FROM: "keeper@mail.example",
        },
      });
      expect(config.people.smtp?.host).to.equal("127.0.0.1");
    });
  });

  describe("with a Postgres password", () => {
    it("take it out of an address in the environment, so that the setting can be shown", () => {
      const environment = { PLIMSOLL_KEEPER_STORAGE: "postgres://me:h%40sh@db.example/keeper" };
      const { config, secrets } = load({ environment });
      expect(config.storage).to.equal("postgres://me@db.example/keeper");
      expect(databaseUrl(config.storage, secrets).reveal()).to.equal(
        "postgres://me:h%40sh@db.example/keeper",
      );
    });

    it("refuse it in a flag and in a file", () => {
      const storage = "postgres://me:hush@db.example/keeper";
      const file = fileOf(`storage: ${storage}\n`);
      const flags = new Map([["storage", storage]]);
      const base = {
        PLIMSOLL_KEEPER_PRIVATE_KEY: PRIVATE_KEY,
        PLIMSOLL_KEEPER_LIQUIDATE_ACCOUNT: ACCOUNT,
      };
      for (const [sources, where] of [
        [{ file }, "a file"],
        [{ flags }, "the command line"],
      ] as const) {
        const [first] = complaintsOf({ ...sources, environment: base });
        expect(first).to.include(`is a secret in ${where}, which others can read`);
        expect(first).not.to.include("hush");
      }
    });
  });

  it("show of a node's address no more than scheme, host and port", () => {
    expect(publicUrl("https://me:hush@mainnet.example:8443/v3/0123456789abcdef?key=x")).to.equal(
      "https://mainnet.example:8443",
    );
    expect(publicUrl("no address")).to.equal("an address that cannot be read");
  });
});
