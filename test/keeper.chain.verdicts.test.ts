import { expect } from "chai";
import { Comparison, differenceOf, referenceHeight } from "../keeper/chain/comparison.js";
import { endpointsOf } from "../keeper/chain/endpoint.js";
import { Heads } from "../keeper/chain/heads.js";
import { ChainNode, type Head } from "../keeper/chain/node.js";
import { repliesTo, verdictOf } from "../keeper/chain/replies.js";
import { systemClock } from "../keeper/clock.js";

/** What nodes say, as they say it: code, message, data. */
type Said = readonly [code: number, message: string, data?: unknown];

const REVERT = `0x08c379a0${"0".repeat(64)}`;

describe("What a keeper makes of nodes", () => {
  describe("an error of a node", () => {
    const verdicts = (method: string, said: readonly Said[]): string[] =>
      said.map(([code, message, data]) =>
        verdictOf(method, { id: 1, error: { code, message, data } }),
      );

    it("is an answer when a contract refused, whatever words it holds", () => {
      const said: Said[] = [
        [3, "execution reverted: header not found", REVERT],
        [-32_000, "execution reverted"],
        [-32_015, "VM execution error.", REVERT],
        [-32_603, "Internal JSON-RPC error.", { message: "oops", data: REVERT }],
        [-32_603, "VM Exception while processing transaction: reverted with custom error"],
        [-32_000, "out of gas"],
        [-32_000, "gas required exceeds allowance (500)"],
      ];
      expect(new Set(verdicts("eth_call", said))).to.deep.equal(new Set(["answer"]));
    });

    it("is an answer when a transaction is refused", () => {
      const said: Said[] = [
        [-32_000, "nonce too low: next nonce 5, tx nonce 4"],
        [-32_000, "already known"],
        [-32_000, "replacement transaction underpriced"],
        [-32_000, "insufficient funds for gas * price + value"],
        [-32_003, "max fee per gas less than block base fee"],
      ];
      expect(new Set(verdicts("eth_sendRawTransaction", said))).to.deep.equal(new Set(["answer"]));
    });

    it("is none when the node does not have the block", () => {
      const said: Said[] = [
        [-32_000, "header not found"],
        [-32_000, "Received invalid block tag 100. Latest block number is 99"],
        [-32_001, "Resource not found."],
        [-39_001, "Unknown block"],
        [-32_000, "missing trie node 5d (path ) state 0x5d is not available"],
        [-32_000, "block not found: 0x64"],
        [
          -32_000,
          "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.",
        ],
        [-32_602, "block range extends beyond current head block"],
      ];
      expect(new Set(verdicts("eth_getLogs", said))).to.deep.equal(new Set(["behind"]));
    });

    it("is none when the node cannot or will not look", () => {
      const said: Said[] = [
        [-32_603, "Internal error"],
        [-32_005, "daily request count exceeded, request rate limited"],
        [429, "Your app has exceeded its compute units per second capacity."],
        [-32_002, "request timed out"],
        [-32_000, "execution aborted (timeout = 5s)"],
        [-32_600, "Unauthorized: bad API key"],
      ];
      expect(new Set(verdicts("eth_call", said))).to.deep.equal(new Set(["failed"]));
    });

    it("is an answer when there are too many logs: whoever asks asks for fewer", () => {
      const said: Said[] = [
        [-32_005, "query returned more than 10000 results"],
        [-32_602, "Log response size exceeded."],
      ];
      expect(verdicts("eth_getLogs", said)).to.deep.equal(["answer", "answer"]);
    });
  });

  describe("what came back", () => {
    const questions = [1, 2].map((id) => ({
      jsonrpc: "2.0" as const,
      id,
      method: `m${id}`,
      params: [],
    }));

    it("is put in the order of the questions", () => {
      const body = [
        { id: 2, result: "b" },
        { id: 1, result: null },
      ];
      expect(repliesTo(questions, body)).to.deep.equal([body[1], body[0]]);
    });

    it("is no answer when one is missing, twice there, or of no sense", () => {
      for (const body of [
        null,
        "hello",
        { id: 1, result: 1 },
        [{ id: 1, result: 1 }],
        [
          { id: 1, result: 1 },
          { id: 1, result: 2 },
        ],
        [{ id: 1, result: 1 }, { id: 2 }],
        [
          { id: 1, result: 1 },
          { id: 2, error: "no" },
        ],
        [
          { id: 1, result: 1 },
          { id: 3, result: 1 },
        ],
      ]) {
        expect(repliesTo(questions, body), JSON.stringify(body)).to.be.a("string");
      }
    });
  });

  describe("the address of a node", () => {
    it("is not in its name, which stands in logs: it may hold keys", () => {
      const endpoints = endpointsOf([
        "https://user:secret@one.example/v3/key",
        "https://one.example/v3/other",
        "http://127.0.0.1:8545",
      ]);
      expect(endpoints.map(({ name }) => name)).to.deep.equal([
        "one.example",
        "one.example (2)",
        "127.0.0.1:8545",
      ]);
      expect(endpoints[0]).to.deep.include({
        url: "https://one.example/v3/key",
        headers: { authorization: `Basic ${Buffer.from("user:secret").toString("base64")}` },
      });
    });
  });

  describe("heads and hashes", () => {
    const nodesAt = (...heads: readonly number[]): ChainNode[] =>
      heads.map((number, i) => {
        const [endpoint] = endpointsOf([`http://node${i}:1`]);
        const node = new ChainNode({
          endpoint: endpoint!,
          timeout: 1,
          pause: 1,
          metrics: undefined,
        });
        node.identity = { isRight: true };
        node.head = { number, hash: `h${number}`, time: number };
        return node;
      });
    const setReferences = (nodes: readonly ChainNode[], hashes: readonly string[]): void => {
      for (const [i, node] of nodes.entries()) {
        node.reference = { number: 7, hash: hashes[i]!, time: 7 };
      }
    };

    it("are compared some blocks below the lowest head, where there are two nodes", () => {
      expect(referenceHeight(nodesAt(10, 12, 11))).to.equal(7);
      expect(referenceHeight(nodesAt(1, 2))).to.equal(0);
      expect(referenceHeight(nodesAt(10))).to.equal(undefined);
    });

    it("make the most nodes right, and of equals the preferred one", () => {
      const three = nodesAt(10, 10, 10);
      setReferences(three, ["a", "b", "b"]);
      expect(three.map((node) => differenceOf(node, three) !== undefined)).to.deep.equal([
        ...[true, false, false],
      ]);
      const two = nodesAt(10, 10);
      setReferences(two, ["a", "b"]);
      expect(differenceOf(two[0]!, two)).to.equal(undefined);
      expect(differenceOf(two[1]!, two)).to.equal("Block 7 is b there, and a at node0:1.");
    });

    it("make a node contradict only when it does so several times in a row", () => {
      const nodes = nodesAt(10, 10);
      const comparison = new Comparison(nodes, 3);
      const states = ["b", "b", "a", "b", "b", "b", "a"].map((hash) => {
        setReferences(nodes, ["a", hash]);
        comparison.update(nodes[1]!);
        return nodes[1]!.isTrusted;
      });
      expect(states).to.deep.equal([true, true, true, true, true, false, true]);
    });

    it("make a node lag when it is too far behind twice in a row", () => {
      const nodes = nodesAt(10, 7);
      const comparison = new Comparison(nodes, 3);
      const states = [7, 6, 7, 6, 6, 7].map((number) => {
        nodes[1]!.head = { number, hash: "", time: 0 };
        comparison.update(nodes[1]!);
        return nodes[1]!.isLagging;
      });
      expect(states).to.deep.equal([false, false, false, false, true, false]);
    });
  });

  describe("the sign of a block", () => {
    const head = (number: number, hash = `h${number}`): Head => ({ number, hash, time: number });
    const options = { signal: new AbortController().signal, atMost: 600_000 };

    it("wakes whoever waits before any timer could", async () => {
      const heads = new Heads({ clock: systemClock, mostPause: 600_000 });
      const order: string[] = [];
      const timer = new Promise((resolve) => setImmediate(resolve)).then(() => order.push("timer"));
      const waiting = heads.next(5, options).then(() => order.push("woken"));
      heads.announce("socket", head(6));
      await Promise.all([waiting, timer]);
      expect(order).to.deep.equal(["woken", "timer"]);
    });

    it("waits for whoever was busy when it came", async () => {
      const heads = new Heads({ clock: systemClock, mostPause: 600_000 });
      heads.announce("socket", head(6));
      expect(await heads.next(5, options)).to.deep.equal({ isRepeated: false });
    });

    it("is no news once the block was seen, and is when another stands in its place", async () => {
      const heads = new Heads({ clock: systemClock, mostPause: 600_000 });
      heads.serve(head(6));
      heads.announce("socket", head(6));
      const waiting = heads.next(6, options);
      const first = await Promise.race([waiting, new Promise((resolve) => setImmediate(resolve))]);
      expect(first).to.equal(undefined);
      heads.announce("socket", head(6, "other"));
      expect(await waiting).to.deep.equal({ isRepeated: false });
    });

    it("is given again, later and later, as long as nobody reached the block", async () => {
      const pauses: number[] = [];
      const clock = {
        now: () => 0,
        sleep: (milliseconds: number) => {
          pauses.push(milliseconds);
          return Promise.resolve();
        },
      };
      const heads = new Heads({ clock, mostPause: 100 });
      heads.announce("socket", head(6));
      const offers = [];
      for (let i = 0; i < 5; ++i) offers.push(await heads.next(5, options));
      expect(offers.map(({ isRepeated }) => isRepeated)).to.deep.equal([
        ...[false, true, true, true, true],
      ]);
      expect(pauses).to.deep.equal([20, 40, 80, 100]);
    });
  });
});
