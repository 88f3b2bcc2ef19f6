// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {KnownMarket, MarketCache, newMarketCache} from "../types/MarketCache.sol";
import {Acts, Delta} from "../types/Portfolio.sol";
import {Leg, Posting, Trade} from "../types/Trade.sol";

/// @notice What the trades of one call add up to.
struct Batch {
    /// One entry for each account that trades.
    Posting[] parties;
    uint256 partyCount;
    /// Builders' fees.
    Posting[] builders;
    uint256 builderCount;
    /// Venue's fees [wad].
    uint256 fees;
    MarketCache cache;
    /// The instrument of the last trade, and what is known of it.
    InstrumentId instrument;
    KnownMarket market;
    /// Positions may only come closer to 0.
    bool onlyReducing;
    /// The first price could not be read: reductions are at the last mark.
    bool atLastMark;
}

using {partyOf, accountsOf, postingsOf} for Batch global;

/// @notice An empty batch for so many trades.
function newBatch(uint256 trades) pure returns (Batch memory batch) {
    batch.parties = new Posting[](2 * trades);
    batch.builders = new Posting[](2 * trades);
    batch.cache = newMarketCache(1);
}

/// @notice The account's entry, made if there is none.
function partyOf(Batch memory self, AccountId account) pure returns (Posting memory party) {
    for (uint256 i = 0; i < self.partyCount; ++i) {
        if (self.parties[i].account == account) return self.parties[i];
    }
    party = self.parties[self.partyCount++];
    party.account = account;
}

/// @notice The accounts that trade, in the order of their first trade.
function accountsOf(Batch memory self) pure returns (AccountId[] memory accounts) {
    accounts = new AccountId[](self.partyCount);
    for (uint256 i = 0; i < accounts.length; ++i) accounts[i] = self.parties[i].account;
}

/// @notice All cash of the batch: parties and builders. With the venue's fees it sums to what the closed positions had as
/// real quotes.
function postingsOf(Batch memory self) pure returns (Posting[] memory postings) {
    uint256 parties = self.partyCount;
    postings = new Posting[](parties + self.builderCount);
    for (uint256 i = 0; i < parties; ++i) postings[i] = self.parties[i];
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
