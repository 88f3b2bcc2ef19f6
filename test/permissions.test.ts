import { readFileSync } from "node:fs";
import { expect } from "chai";
import { OPEN, restrictedFunctions, selectorOf } from "../ignition/roles.js";
import { FILE, renewed } from "../scripts/permissions/page.js";

const page = readFileSync(FILE, "utf8");

describe("The page of permissions", () => {
  it("is what `npm run docs:permissions` writes", () => {
    expect(renewed(page)).to.equal(page);
  });

  it("has a row for every function of ignition/roles.ts, with its selector", () => {
    const restricted = restrictedFunctions().flatMap(({ contract, role, signatures }) =>
      signatures.map((signature) => ({ contract, signature, role })),
    );
    const open = Object.entries(OPEN).flatMap(([contract, signatures]) =>
      signatures.map((signature) => ({ contract, signature, role: undefined })),
    );
    for (const { contract, signature, role } of [...restricted, ...open]) {
      const name = signature.slice(0, signature.indexOf("("));
      const row = `| ${contract} | \`${name}\` | \`${selectorOf(signature)}\` |`;
      expect(page).to.include(role === undefined ? row : `${row} ${role} |`);
    }
  });

  it("would differ after a change of the table", () => {
    const forged = page.replace(" | MODULES | ", " | RISK | ");
    expect(forged).not.to.equal(page);
    expect(renewed(forged)).to.equal(page);
  });
});
