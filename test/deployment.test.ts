import { expect } from "chai";
import hre from "hardhat";
import { deploy } from "../ignition/deploy.js";
import {
  type DeploymentParameters,
  readParameters,
  requireConsistent,
  wadOf,
} from "../ignition/parameters.js";
import { accountId, parseWad, perpetual } from "../sdk/index.js";
import {
  BTC,
  BTC_PERP,
  deployPlimsoll,
  ETH,
  ETH_PERP,
  type Plimsoll,
  USDC,
  WBTC,
  WSTETH,
} from "./fixtures/plimsoll.js";

const connection = await hre.network.create();
const { networkHelpers } = connection;

describe("Deployment", () => {
  describe("wiring", () => {
    it("prices every underlying", async () => {
      const { oracle } = await networkHelpers.loadFixture(deployPlimsoll);
      expect(await oracle.price(ETH)).to.equal(parseWad(3000));
      expect(await oracle.price(BTC)).to.equal(parseWad(100_000));
      expect(await oracle.price(WSTETH)).to.equal(parseWad(3600));
      expect(await oracle.price(WBTC)).to.equal(parseWad(100_000));
    });

    it("tells the vault, the clearinghouse and the venue of one another", async () => {
      const { vault, clearinghouse, marginEngine, exchange, usdc } =
        await networkHelpers.loadFixture(deployPlimsoll);
      const [wired] = await vault.queryFilter(vault.filters.VaultWired());
      expect(wired?.args.clearinghouse).to.equal(await clearinghouse.getAddress());
      expect(wired?.args.marginEngine).to.equal(await marginEngine.getAddress());
      const [engine] = await clearinghouse.queryFilter(clearinghouse.filters.MarginEngineSet());
      expect(engine?.args.marginEngine).to.equal(await marginEngine.getAddress());
      expect(await clearinghouse.isVenue(exchange)).to.equal(true);
      expect(await vault.SETTLEMENT_TOKEN()).to.equal(await usdc.getAddress());
    });

    it("lists the tokens of the parameters in their order", async () => {
      const { rules, parameters, addresses } = await networkHelpers.loadFixture(deployPlimsoll);
      expect(await rules.collateralCount()).to.equal(parameters.collaterals.length);
      for (const [place, { symbol }] of parameters.collaterals.entries()) {
        expect((await rules.collateralAt(place)).token).to.equal(addresses.tokens[symbol]);
      }
    });

    it("lists perpetuals on ETH and BTC only", async () => {
      const { rules } = await networkHelpers.loadFixture(deployPlimsoll);
      await rules.instrumentRules(ETH_PERP);
      await rules.instrumentRules(BTC_PERP);
      for (const underlying of [WSTETH, WBTC]) {
        const unlisted = perpetual(underlying);
        await expect(rules.instrumentRules(unlisted))
          .to.be.revertedWithCustomError(rules, "UnknownInstrument")
          .withArgs(unlisted);
      }
    });

    it("charges the fees of the parameters and shares them with the treasury", async () => {
      const { exchange, clearinghouse, parameters } =
        await networkHelpers.loadFixture(deployPlimsoll);
      const { fees, governance } = parameters;
      expect(fees.tiers).to.have.length(3);
      for (const [tier, { taker, maker }] of fees.tiers.entries()) {
        expect(await exchange.feeRates(tier)).to.deep.equal([wadOf(taker), wadOf(maker)]);
      }
      expect(await clearinghouse.feeShares()).to.deep.equal([
        governance.treasury,
        wadOf(fees.fundShare),
      ]);
    });

    it("watches the settlement token's own price", async () => {
      const { clearinghouse, parameters } = await networkHelpers.loadFixture(deployPlimsoll);
      const { allowedBps } = parameters.settlementToken.peg;
      expect(await clearinghouse.peg()).to.deep.equal([USDC, allowedBps, false]);
    });

    it("clears a trade between two funded accounts", async () => {
      const { alice, bob, fund, trade, clearinghouse, marginEngine } =
        await networkHelpers.loadFixture(deployPlimsoll);
      const taker = await fund(alice, 0n, 10_000);
      const maker = await fund(bob, 0n, 10_000);
      const size = parseWad(1);
      await trade({ taker: alice, maker: bob, instrument: ETH_PERP, size, price: parseWad(3000) });
      expect((await clearinghouse.positionOf(taker, ETH_PERP)).size).to.equal(size);
      expect((await clearinghouse.positionOf(maker, ETH_PERP)).size).to.equal(-size);
      // 3,000 x (2 % + 3 % x 60 %) = 114, over 0.6 initially; fees are 0.05 % and 0.02 %.
      const { equity, initial, maintenance } = await marginEngine.marginOf(taker);
      expect(equity).to.equal(parseWad("9998.5"));
      expect(initial).to.be.closeTo(parseWad(190), 10_000n);
      expect(maintenance).to.equal(parseWad(114));
      expect((await marginEngine.marginOf(maker)).equity).to.equal(parseWad("9999.4"));
    });

    it("works on tokens and feeds that exist already", async () => {
      const local = await networkHelpers.loadFixture(deployPlimsoll);
      const parameters = withAddresses(local);
      const addresses = await deploy(connection, parameters);
      expect(addresses.tokens).to.deep.equal(local.addresses.tokens);
      expect(addresses.feeds).to.deep.equal(local.addresses.feeds);
      expect(addresses.contracts.Vault).not.to.equal(local.addresses.contracts.Vault);

      const { ethers } = connection;
      const vault = await ethers.getContractAt("Vault", addresses.contracts.Vault);
      const { alice, usdc } = local;
      await usdc.mint(alice, 1n);
      await usdc.connect(alice).approve(vault, 1n);
      await vault.connect(alice).deposit(accountId(alice.address), usdc, 1n);
      expect(await vault.trackedOf(usdc)).to.equal(1n);
    });
  });

  describe("parameters", () => {
    it("say which network has none", () => {
      expect(() => readParameters("nowhere")).to.throw(
        'There are no parameters for "nowhere" yet: ignition/parameters/nowhere.json comes with a later release',
      );
    });

    it("are refused when they contradict themselves", async () => {
      const { parameters, addresses } = await networkHelpers.loadFixture(deployPlimsoll);
      const { governance, settlementToken, underlyings, collaterals, fees } = parameters;
      const wrong: [Partial<DeploymentParameters>, string][] = [
        [
          {
            governance: {
              ...governance,
              delaySeconds: { ...governance.delaySeconds, ADMIN: 86_400 },
            },
          },
          "at most ADMIN's",
        ],
        [{ governance: { ...governance, treasury: "0x12" } }, "governance.treasury is no address"],
        [{ fees: { ...fees, tiers: [] as never } }, "fees.tiers is empty"],
        [
          {
            settlementToken: {
              symbol: settlementToken.symbol,
              decimals: settlementToken.decimals,
              limits: settlementToken.limits,
              peg: settlementToken.peg,
              address: addresses.contracts.Vault,
            },
          },
          "either all given by address or all mocks",
        ],
        [{ underlyings: [...underlyings, ...underlyings] }, "two underlyings have one number"],
        [{ feeds: {} }, "ETH needs the unknown feed ETH/USD"],
        [
          { underlyings: [], collaterals: collaterals.slice(0, 1) },
          "WETH is valued by the unknown underlying ETH",
        ],
      ];
      for (const [change, message] of wrong) {
        expect(() => {
          requireConsistent({ ...parameters, ...change });
        }).to.throw(message);
      }
    });

    it("do not let a role go to the deployer, who gives up its rights", async () => {
      const { parameters, deployer } = await networkHelpers.loadFixture(deployPlimsoll);
      const governance = { ...parameters.governance, admin: deployer.address };
      const failure = await deploy(connection, { ...parameters, governance }).catch(
        (error: unknown) => error,
      );
      expect(failure)
        .to.be.an("error")
        .with.property("message")
        .that.includes("gives up its rights");
    });
  });
});

/** The same deployment as a network with real tokens and feeds describes it. */
function withAddresses({ parameters, addresses }: Plimsoll): DeploymentParameters {
  const { tokens, feeds } = addresses;
  const given = (entry: object, address?: string) =>
    ({ ...entry, mock: undefined, address }) as never;
  return {
    ...parameters,
    settlementToken: given(parameters.settlementToken, tokens.USDC),
    collaterals: parameters.collaterals.map((entry) => given(entry, tokens[entry.symbol])),
    feeds: Object.fromEntries(
      Object.entries(parameters.feeds).map(([name, feed]) => [name, given(feed, feeds[name])]),
    ),
  };
}
