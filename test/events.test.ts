import { readFileSync } from "node:fs";
import { expect } from "chai";
import { Interface } from "ethers";
import { declaredEvents, FILE, renewed, unexplainedEvents } from "../scripts/events/page.js";
import { INDEXED_ABIS } from "../sdk/eventIndex/indexed.js";

/** Declared by OpenZeppelin's EIP-712 base and never emitted. */
const NEVER_EMITTED = ["EIP712DomainChanged"];

describe("The page of events", () => {
  it("says of every event of the contracts what it leaves behind", () => {
    expect(unexplainedEvents()).to.deep.equal([]);
  });

  it("is up to date", () => {
    const page = readFileSync(new URL(`../${FILE}`, import.meta.url), "utf8");
    expect(page === renewed(page), "run `npm run docs:events`").to.equal(true);
  });

  it("has every event of the ABIs that the index reads", () => {
    const known = new Set(declaredEvents().map(({ name }) => name));
    for (const [role, abi] of Object.entries(INDEXED_ABIS)) {
      Interface.from(abi).forEachEvent(({ name }) => {
        if (!NEVER_EMITTED.includes(name)) expect(known, `${role}.${name}`).to.include(name);
      });
    }
  });
});
