// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {AccountId, accountIdOf} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {KnownMarket, MarketCache, newMarketCache} from "../types/MarketCache.sol";
import {Acts, Delta} from "../types/Portfolio.sol";
import {Leg, Posting, Trade} from "../types/Trade.sol";
import {Sides} from "./Book.sol";
import {Funding} from "./Funding.sol";

/// @notice Trades of one taker in one instrument that follow each other: its side is written once.
struct Run {
    AccountId taker;
    /// Its entry in the batch.
    Posting party;
    InstrumentId instrument;
    KnownMarket market;
    /// The instrument's two sides, with all funding until now.
    Sides sides;
    /// What the taker's size changes by [wad].
    int256 size;
    /// What its real quote changes by [wad].
    int256 quote;
    /// The instrument's open interest before the run [wad].
    uint256 openBefore;
    /// How much of the trades' notionals says something about the premium [wad].
    uint256 counted;
    /// Sum of what each says, times what counts of its notional [1e-15 per period x wad].
    int256 premium;
    /// The taker's position may only come closer to 0.
    bool onlyReducing;
}

/// @notice What the trades of one call add up to.
struct Batch {
    /// One entry for each account that trades.
    Posting[] parties;
    uint256 partyCount;
    /// Builders' fees; without room until there are any.
    Posting[] builders;
    uint256 builderCount;
    /// Venue's fees [wad].
    uint256 fees;
    /// What the open interest of all instruments together changes by [whole settlement currency].
    int256 openNotional;
    /// How many trades there are.
    uint256 trades;
    MarketCache cache;
    Run run;
    /// Positions may only come closer to 0.
    bool onlyReducing;
    /// The first price could not be read: reductions are at the last mark.
    bool atLastMark;
}

using {partyOf, charge, accountsOf, postingsOf} for Batch global;
using {observe} for Run global;

/// @notice An empty batch for so many trades.
function newBatch(uint256 trades) pure returns (Batch memory batch) {
    // One taker and its makers; with more takers it grows.
    batch.parties = new Posting[](trades + 1);
    batch.trades = trades;
    batch.cache = newMarketCache(1);
}

/// @notice The account's entry, made if there is none.
/// @dev The result has no name: one with a name would be allocated before it is found.
function partyOf(Batch memory self, AccountId account) pure returns (Posting memory) {
    uint256 count = self.partyCount;
    for (uint256 i = 0; i < count; ++i) {
        Posting memory known = self.parties[i];
        if (known.account == account) return known;
    }
    if (count == self.parties.length) {
        Posting[] memory longer = new Posting[](2 * count);
        for (uint256 i = 0; i < count; ++i) longer[i] = self.parties[i];
        self.parties = longer;
    }
    self.partyCount = count + 1;
    Posting memory party = self.parties[count];
    party.account = account;
    return party;
}

/// @notice Notes the fees of one side of a trade; returns what its account pays in all, out of its real quote [wad].
function charge(Batch memory self, Leg calldata leg) pure returns (int256) {
    self.fees += leg.fee;
    if (leg.builderFee == 0) return int256(uint256(leg.fee));
    if (self.atLastMark) revert IClearinghouse.BuilderFeeAtLastMark(leg.account, leg.builderFee);
    int256 builderFee = int256(uint256(leg.builderFee));
    if (self.builders.length == 0) self.builders = new Posting[](2 * self.trades);
    self.builders[self.builderCount++] = Posting({account: accountIdOf(leg.builder, 0), cash: builderFee});
    return builderFee + int256(uint256(leg.fee));
}

/// @notice Notes what a trade says about the premium. Nobody trades with himself for the price: trades between accounts of
/// one owner say nothing, and those of two owners as much as they have paid for in fees.
function observe(Run memory self, Trade calldata trade, uint256 notional) pure {
    if (trade.taker.account.ownerOf() == trade.maker.account.ownerOf()) return;
    uint256 counted = Funding.countedNotional(notional, uint256(trade.taker.fee) + trade.maker.fee);
    if (counted == 0) return;
    self.counted += counted;
    self.premium +=
        Funding.observed(trade.price, self.market.price, self.market.brackets.fundingRules()) * int256(counted);
}

/// @notice The accounts that trade, in the order of their first trade.
function accountsOf(Batch memory self) pure returns (AccountId[] memory accounts) {
    accounts = new AccountId[](self.partyCount);
    for (uint256 i = 0; i < accounts.length; ++i) accounts[i] = self.parties[i].account;
}

/// @notice All cash of the batch: real quotes of closed positions, then what builders receive. Empty when there is none.
function postingsOf(Batch memory self) pure returns (Posting[] memory postings) {
    uint256 parties;
    for (uint256 i = 0; i < self.partyCount; ++i) if (self.parties[i].cash != 0) ++parties;
    postings = new Posting[](parties + self.builderCount);
    parties = 0;
    for (uint256 i = 0; i < self.partyCount; ++i) {
        if (self.parties[i].cash != 0) postings[parties++] = self.parties[i];
    }
    for (uint256 i = 0; i < self.builderCount; ++i) postings[parties + i] = self.builders[i];
}

/// @notice What an account did in a batch.
function actsOf(AccountId account, Trade[] calldata trades) pure returns (Acts memory acts) {
    acts.trades = new Delta[](trades.length);
    for (uint256 i = 0; i < trades.length; ++i) {
        Trade calldata trade = trades[i];
        bool isTaker = trade.taker.account == account;
        if (!isTaker && trade.maker.account != account) continue;
        Leg calldata leg = isTaker ? trade.taker : trade.maker;
        acts.venueFees += leg.fee;
        acts.builderFees += leg.builderFee;
        Delta memory delta = acts.trades[i];
        delta.instrument = trade.instrument;
        delta.size = isTaker ? trade.size : -trade.size;
        delta.price = trade.price;
    }
}
