// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {IMarginEngine} from "./IMarginEngine.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {OpenPosition, Position} from "../types/Position.sol";
import {Trade} from "../types/Trade.sol";

/// @title IClearinghouse
/// @notice Holds every position, clears trades of registered venues, and lets anyone liquidate what is below the line.
interface IClearinghouse {
    /// @notice Only venues that governance registered may clear.
    error NotVenue(address caller);
    /// @notice A trade of size or price 0.
    error EmptyTrade(InstrumentId instrument, int128 size, uint128 price);
    /// @notice The two sides of a trade or a liquidation are one account.
    error SelfDealing(AccountId account);
    /// @notice The insurance fund takes no side of a trade or a liquidation.
    error FundIsNoParty();
    /// @notice The price is further from the mark than the band allows; at the last mark of a silent feed that is 0
    /// [wad].
    error PriceOutsideBand(InstrumentId instrument, uint256 price, uint256 mark, uint256 band);
    /// @notice More would be open in the instrument than its cap allows [wad].
    error OpenInterestCapExceeded(InstrumentId instrument, uint256 notional, uint256 cap);
    /// @notice The account only wanted its position reduced [wad].
    error NotReducing(AccountId account, InstrumentId instrument, int256 size, int256 change);
    /// @notice While a price is missing, a reduction at the last mark pays no builder.
    error BuilderFeeAtLastMark(AccountId account, uint256 builderFee);
    /// @notice While a price is missing, only accounts that are above maintenance at the last mark may reduce.
    error BelowMaintenanceAtLastMark(AccountId account);
    /// @notice The account holds as many instruments as it may.
    error TooManyInstruments(AccountId account, uint256 most);
    /// @notice Only the owner or operators may settle the variation of an account at or above initial margin [wad].
    error VariationNotDue(AccountId account, int256 equity, uint256 initial);
    /// @notice The liquidator would pay more than it is willing to [wad].
    error PaymentAboveMaximum(int256 payment, int256 maxPayment);
    /// @notice The account has equity: only a bankrupt one can be flagged or deleveraged [wad].
    error NotBankrupt(AccountId account, int256 equity);
    /// @notice The account has its initial margin: there is nothing to call for [wad].
    error NoMarginCall(AccountId account, int256 equity, uint256 initial);
    /// @notice The account was called for margin already; the next call may come at this time [unix seconds].
    error MarginCallTooSoon(AccountId account, uint256 earliest);
    /// @notice A new margin engine succeeds the one in charge, or its requirements would be a step.
    error NotTheSuccessor(address marginEngine, address current);
    /// @notice The margin engine in charge is still on its way from its own predecessor's requirements [unix seconds].
    error BlendNotOver(uint256 until);
    /// @notice The account's flag is still good; it was raised at this time [unix seconds].
    error AlreadyFlagged(AccountId account, uint256 flaggedAt);
    /// @notice A bankrupt account may be deleveraged for a day from this time on; 0: it must be flagged [unix seconds].
    error DeleverageNotDue(AccountId account, uint256 from);
    /// @notice The two accounts do not hold the instrument on opposite sides, or nothing was to be closed [wad].
    error NotOpposite(InstrumentId instrument, int256 size, int256 counterpartySize, uint256 closed);
    /// @notice The account has no debt, or it has a position or collateral that could pay for it [wad].
    error NothingToWriteOff(AccountId account, int256 cash);
    /// @notice While there is a recorded deficit nothing is taken from the insurance fund [wad].
    error DeficitFirst(uint256 deficit);
    /// @notice Less would be left in the insurance fund than the open interest requires [wad].
    error FundBelowFloor(int256 left, uint256 floor);
    /// @notice The allowed distance from the peg is out of its bounds, or there is one without a price [bps].
    error PegOutOfBounds(uint24 underlying, uint256 allowedBps, uint256 least, uint256 most);
    /// @notice A share is above 1 or an address is missing.
    error InvalidFeeShare(address treasury, uint256 fundShare);

    /// @notice A trade was cleared; fees include those of builders [wad].
    event TradeCleared(
        InstrumentId indexed instrument,
        AccountId indexed taker,
        AccountId indexed maker,
        int256 size,
        uint256 price,
        uint256 takerFee,
        uint256 makerFee
    );
    /// @notice A position changed; size and quote are the stored ones afterwards, both 0 when it is gone [wad].
    event PositionChanged(AccountId indexed account, InstrumentId indexed instrument, int256 size, int256 quote);
    /// @notice An account's variation became cash: `variation` in all, gains positive [wad].
    event VariationSettled(AccountId indexed account, int256 variation);
    /// @notice A slice of an account was taken over [wad].
    event Liquidated(
        AccountId indexed account,
        AccountId indexed liquidator,
        uint256 fraction,
        int256 equity,
        uint256 maintenance,
        int256 payment,
        uint256 toAccount,
        int256 toInsurance
    );
    /// @notice A side of an instrument bore a part of a loss; `index` is what the side's index is now [wad].
    event GainsHaircut(InstrumentId indexed instrument, bool indexed long, uint256 loss, int256 index);
    /// @notice What an hour lets losses move an instrument's indices by was looked at for a loss: so much of it is used now
    /// by the long and by the short side, to be forgotten evenly over an hour [wad].
    event HaircutRoomUsed(InstrumentId indexed instrument, uint256 movedLong, uint256 movedShort);
    /// @notice The insurance fund paid `part` of a loss on an instrument's account, on which `drawn` is now, to be forgotten
    /// evenly over a day. Instrument 0 has all draws on its account [wad].
    event FundDrawn(InstrumentId indexed instrument, uint256 part, uint256 drawn);
    /// @notice The recorded deficit changed [wad].
    event DeficitChanged(uint256 deficit);
    /// @notice What longs and shorts have been charged for one unit of size [wad], and what funding goes on from: the mark
    /// [wad], the interest [millionths per 8 hours], and what the premium adds to it [1e-15 per 8 hours], fading from now
    /// on.
    event FundingAccrued(
        InstrumentId indexed instrument,
        int256 longIndex,
        int256 shortIndex,
        uint256 mark,
        int256 interest,
        int256 premium
    );
    /// @notice An account below its initial margin was told so. With `shortfall` more cash it would be healthy again
    /// [wad].
    event MarginCalled(
        AccountId indexed account,
        int256 equity,
        uint256 initial,
        uint256 maintenance,
        uint256 shortfall
    );
    /// @notice A bankrupt account was flagged: from some time on it may be deleveraged [wad].
    event Flagged(AccountId indexed account, int256 equity);
    /// @notice An account is no longer flagged: it was found to have equity, or its bankruptcy was brought to an end. `equity`
    /// is what it was found with [wad].
    event FlagRemoved(AccountId indexed account, int256 equity);
    /// @notice A bankrupt account's position was closed against another's at the mark; its size changed by `size`, and
    /// `loss` of what it lacked went down the waterfall [wad].
    event Deleveraged(
        AccountId indexed bankrupt,
        AccountId indexed counterparty,
        InstrumentId indexed instrument,
        int256 size,
        uint256 mark,
        uint256 loss
    );
    /// @notice A debt that nothing was left to pay was written off; the insurance fund paid `fromFund` of it [wad].
    event WrittenOff(AccountId indexed account, uint256 debt, uint256 fromFund);
    /// @notice Governance took cash from the insurance fund; `left` is what it has now [wad].
    event FundTaken(AccountId indexed to, uint256 cash, uint256 left);
    /// @notice Fees were taken and wait to be divided; `reserve` is all that waits [wad].
    event FeesReserved(uint256 fees, uint256 reserve);
    /// @notice All that waited, fees and the fund's share of interest, was divided; `repaid` of it went against the recorded
    /// deficit [wad].
    event FeesDistributed(uint256 toFund, uint256 toTreasury, uint256 repaid);
    /// @notice The settlement token left its peg, or came back to it; `price` is in dollars [wad].
    event PegNoted(uint256 price, bool depegged);
    /// @notice The settlement token's own price and how far it may be from 1 were set [bps].
    event PegSet(uint24 underlying, uint16 allowedBps);
    /// @notice A venue was registered or removed.
    event VenueSet(address indexed venue, bool registered);
    /// @notice The margin engine was set.
    event MarginEngineSet(address marginEngine);
    /// @notice The receivers of fees were set; `fundShare` is the insurance fund's share [wad].
    event FeeSharesSet(address treasury, uint256 fundShare);

    /// @notice Clears matches of a registered venue: all or none. Every account is checked once, at the end.
    /// @param trades The matches, in order.
    function clear(Trade[] calldata trades) external;

    /// @notice Turns the value of all positions of an account into cash. The account's equity does not change. By the
    /// owner or an operator with TRADE at any time; by anyone when it is a loss, or the account is below initial margin.
    function settleVariation(AccountId account) external;

    /// @notice Takes over a fraction of everything that an account below maintenance margin holds. By the owner of the
    /// liquidator's account or an operator with LIQUIDATE; nobody else need agree.
    /// @param account Who is below the line.
    /// @param liquidator Who takes the slice and pays for it; must be worth its initial margin afterwards.
    /// @param maxFraction The most to take [wad].
    /// @param maxPayment The most to pay for what is taken; negative: the least to be paid [wad].
    /// @return fraction What was taken [wad].
    /// @return payment What the liquidator paid; negative when it was paid [wad].
    function liquidate(
        AccountId account,
        AccountId liquidator,
        uint256 maxFraction,
        int256 maxPayment
    ) external returns (uint256 fraction, int256 payment);

    /// @notice Tells the world that an account is below its initial margin, and what would restore its health. Once in an hour,
    /// and up to 256 seconds more, for each account; by anyone. Nothing follows from it on chain.
    /// @dev Reverts with NoMarginCall, MarginCallTooSoon or the oracle's reason.
    function callMargin(AccountId account) external;

    /// @notice Marks a bankrupt account, so that it can be deleveraged when nobody has taken it over after a delay; a flag is
    /// good for a day from then on. Removes the flag of an account that has equity again. By anyone.
    /// Reverts with NotBankrupt or AlreadyFlagged.
    function flag(AccountId account) external;

    /// @notice Closes a part of a bankrupt account's position against an account on the other side, at the mark and without
    /// fees: the counterparty loses exposure, not value, and must pass the gate. The part of the account's loss that
    /// goes with what is closed goes down the waterfall first. By anyone, after `flag` and its delay.
    /// Reverts with DeleverageNotDue, NotBankrupt, NotOpposite, SelfDealing, or the oracle's reason.
    /// @param bankrupt Whose position nobody took over.
    /// @param counterparty Anyone who holds the other side.
    /// @param instrument Of what.
    /// @param size How much of it at most; no more than both hold is closed [wad].
    function deleverage(AccountId bankrupt, AccountId counterparty, InstrumentId instrument, uint128 size) external;

    /// @notice Clears the debt of an account that has neither position nor collateral: the insurance fund pays what it may,
    /// those who have cash bear a bounded part, the rest is recorded as deficit. By anyone. Reverts with
    /// NothingToWriteOff.
    function writeOff(AccountId account) external;

    /// @notice Divides what was taken so far, fees and the fund's share of interest, between the insurance fund, whose part
    /// repays the recorded deficit first, and the treasury. By anyone; whatever asks the fund for anything does it by
    /// itself.
    function distributeFees() external;

    /// @notice Repays the recorded deficit from the insurance fund, as much as may be drawn for one instrument in a day. By
    /// anyone: so what somebody deposits to the fund's account reaches the deficit.
    function repayDeficit() external;

    /// @notice Lets an instrument's new funding rules take effect, and takes in its funding until now. By anyone. Without new
    /// rules there is nothing to do: positions are always valued with all funding until now, which comes to the same
    /// however often anybody calls this. Reverts with UnknownInstrument.
    function accrueFunding(InstrumentId instrument) external;

    /// @notice Compares the settlement token's own price with one dollar. While it is further away than allowed, trades
    /// may only reduce both sides; what accounts owe each other is not touched. By anyone.
    /// @dev A note of the last look, not a look in every trade: whoever sees the token fall stops new risk with one
    /// call, and trades pay nothing for it. Reverts with the oracle's reason when the price cannot be read.
    function notePeg() external;

    /// @notice The stored position [wad].
    function positionOf(AccountId account, InstrumentId instrument) external view returns (Position memory);

    /// @notice The instruments in which the account has a position.
    function instrumentsOf(AccountId account) external view returns (InstrumentId[] memory);

    /// @notice The account's positions with their real quotes.
    function openPositionsOf(AccountId account) external view returns (OpenPosition[] memory);

    /// @notice The price at which positions are valued: a perpetual's is the index price [wad].
    function markOf(InstrumentId instrument) external view returns (uint256);

    /// @notice The size held long, which is the size held short [wad].
    function openInterestOf(InstrumentId instrument) external view returns (uint256);

    /// @notice What each side has been charged for one unit of size since the beginning [wad].
    function indicesOf(InstrumentId instrument) external view returns (int256 longIndex, int256 shortIndex);

    /// @notice An instrument's funding now. A positive rate is paid by longs to shorts, counted at the mark of the last trade.
    /// @return rate What it will be charged until the next trade, but for the fading of the premium [wad per year].
    /// @return premium The part of the rate that the premium makes [wad per year].
    /// @return longIndex What one unit of long size has been charged since the beginning [wad].
    /// @return shortIndex The same of short size [wad].
    function fundingOf(
        InstrumentId instrument
    ) external view returns (int256 rate, int256 premium, int256 longIndex, int256 shortIndex);

    /// @notice When a bankrupt account was last flagged; 0 when it was not [unix seconds].
    function flaggedAt(AccountId account) external view returns (uint256);

    /// @notice When an account was last called for margin, rounded up to 256 seconds; 0 when it never was [unix seconds].
    function calledAt(AccountId account) external view returns (uint256);

    /// @notice The open interest of all instruments together, each at the mark of its last trade; in whole settlement
    /// currency, rounded down for each [wad].
    function openNotional() external view returns (uint256);

    /// @notice The account that bears losses first after the bankrupt account itself. It has no key.
    function insuranceFund() external view returns (AccountId);

    /// @notice Losses that nobody has borne yet; the fund's income repays them first [wad].
    function deficit() external view returns (uint256);

    /// @notice Fees that are not divided between the insurance fund and the treasury yet [wad].
    function reserve() external view returns (uint256);

    /// @notice How much of what is due for an account below the line the insurance fund would pay now: each instrument may
    /// draw only a share of the fund at once and in each day [wad].
    function fundPaymentOf(AccountId account, uint256 due) external view returns (uint256);

    /// @notice The margin engine that is in charge. Reverts with NotWired before the first.
    function marginEngine() external view returns (IMarginEngine);

    /// @notice Whether an address is a registered venue.
    function isVenue(address venue) external view returns (bool);

    /// @notice Who receives fees: the treasury and the insurance fund's share [wad].
    function feeShares() external view returns (address treasury, uint64 fundShare);

    /// @notice The settlement token's own price, how far it may be from 1 [bps], and whether it was found further away.
    function peg() external view returns (uint24 underlying, uint16 allowedBps, bool depegged);

    /// @notice Sets the settlement token's own price and how far it may be from 1 [10 to 2,000 bps]; 0 and 0 for none.
    /// What was noted before is forgotten. Governance only.
    function setPeg(uint24 underlying, uint16 allowedBps) external;

    /// @notice Registers or removes a venue. Governance only.
    function setVenue(address venue, bool registered) external;

    /// @notice Puts another margin engine in charge, which must succeed the one that is: from then on requirements move to
    /// those of its model over a ramp. Governance only. Reverts with NotAContract, NotTheSuccessor or BlendNotOver.
    function setMarginEngine(address successor) external;

    /// @notice Sets who receives fees: a share for the insurance fund [wad], the rest for the treasury's first account.
    /// Governance only.
    function setFeeShares(address treasury, uint64 fundShare) external;

    /// @notice Takes cash out of the insurance fund, never below a share of all open interest, and not while there is a
    /// recorded deficit that it may not repay at once. Governance only. Reverts with FundBelowFloor or DeficitFirst.
    /// @param to Who receives it.
    /// @param cash How much [wad].
    function takeFromFund(AccountId to, uint256 cash) external;
}
