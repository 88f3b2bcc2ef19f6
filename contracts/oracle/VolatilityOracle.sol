// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IRules} from "../interfaces/IRules.sol";
import {IVolatilityOracle} from "../interfaces/IVolatilityOracle.sol";
import {ChainlinkFeed} from "../libraries/ChainlinkFeed.sol";
import {FollowedRound} from "../types/FollowedRound.sol";
import {RealisedVolatility} from "./RealisedVolatility.sol";

/// @title VolatilityOracle
/// @notice Follows the rounds of Chainlink feeds. See IVolatilityOracle.
/// @dev Every round is looked at once, in the order of its number:
///
///   accepted     a positive answer strictly inside the band, not older than the last accepted one: it moves the variances
///   passed over  an empty round, a zero, an answer outside the band, one older than the last accepted one
///   waited for   a round of the future
///
/// In a proxy's numbers the phase stands above the aggregator's round. A new aggregator usually runs for a while before the
/// proxy moves to it, and the old one for a while after. Where both have spoken the new one counts from its first round
/// on, but for the time in which the old one was already followed: every moment counts once, by whichever aggregator was
/// being followed. That, and the prior that a gap is held to, is all that depends on when somebody pokes.
///
/// A caller cannot make a read fail to have its round passed over: a read that ran out of gas leaves less than 1/63 of what
/// it had, and storing the result takes more.
contract VolatilityOracle is IVolatilityOracle {
    /// @dev Two slots.
    struct Feed {
        address aggregator;
        uint8 decimals;
        /// Answers at it or below are passed over [wad].
        uint128 minimum;
        /// Answers at it or above are passed over [wad].
        uint128 maximum;
    }

    /// @dev Variances one day apart: one slot.
    struct History {
        uint48 slow;
        uint48 fast;
        uint32 noted;
        uint48 slowBefore;
        uint48 fastBefore;
        uint32 before;
    }

    /// @dev Where a call stands on its way through the rounds.
    struct Walk {
        uint24 underlying;
        Feed feed;
        FollowedRound followed;
        History history;
        /// Of the feed's latest round.
        uint256 latestPhase;
        uint256 latestRound;
        /// The last round of the phase that is followed.
        uint256 lastOfPhase;
        /// Nobody says which that is.
        bool endsEmpty;
        /// When the next phase's first round was written [unix seconds].
        uint256 nextBegins;
    }

    uint256 private constant MOST_ROUNDS = 256;
    uint256 private constant HISTORY_SECONDS = 1 days;
    /// @dev Numbers of rounds that fit (Chainlink's aggregators have 2^32).
    uint256 private constant MOST_ROUND = type(uint48).max;

    IPriceOracle private immutable ORACLE;
    IRules private immutable RULES;

    mapping(uint24 underlying => FollowedRound followed) private _followed;
    mapping(uint24 underlying => Feed feed) private _feeds;
    mapping(uint24 underlying => History history) private _histories;

    constructor(IPriceOracle oracle, IRules rules) {
        ORACLE = oracle;
        RULES = rules;
    }

    /// @inheritdoc IVolatilityOracle
    function poke(uint24 underlying, uint256 mostRounds) external returns (uint256 looked) {
        Walk memory walk = _open(underlying);
        if (walk.feed.aggregator == address(0)) revert NotFollowed(underlying);
        looked = _look(walk, FixedPointMathLib.min(mostRounds, MOST_ROUNDS));
        if (looked != 0) _close(walk, looked);
    }

    /// @inheritdoc IVolatilityOracle
    function follow(uint24 underlying) external {
        Feed memory feed = _feedNow(underlying);
        Walk memory walk = _open(underlying);
        Feed memory former = walk.feed;
        bool isSame = feed.aggregator == former.aggregator;
        if (isSame && feed.minimum == former.minimum && feed.maximum == former.maximum) {
            revert AlreadyFollowed(underlying, feed.aggregator);
        }
        // What the former feed has to say, or the former band to pass over, comes before; but no more than one call's worth,
        // or a broken feed could not be left.
        uint256 looked = former.aggregator == address(0) ? 0 : _look(walk, MOST_ROUNDS);
        _feeds[underlying] = walk.feed = feed;
        if (!isSame) _anchor(walk);
        emit FeedFollowed(underlying, feed.aggregator, _idOf(walk.followed));
        _close(walk, looked);
    }

    /// @inheritdoc IVolatilityOracle
    function volatilityOf(uint24 underlying) external view returns (Volatility memory) {
        FollowedRound followed = _followed[underlying];
        if (FollowedRound.unwrap(followed) == 0) revert NotFollowed(underlying);
        History memory history = _histories[underlying];
        return
            Volatility({
                slowVariance: followed.slowVariance(),
                fastVariance: followed.fastVariance(),
                acceptedAt: followed.acceptedAt(),
                answer: followed.answerOf(),
                roundId: _idOf(followed),
                slowVarianceBefore: history.slowBefore,
                fastVarianceBefore: history.fastBefore,
                before: history.before
            });
    }

    /// @inheritdoc IVolatilityOracle
    function feedOf(uint24 underlying) external view returns (address feed, uint256 minimum, uint256 maximum) {
        Feed memory followed = _feeds[underlying];
        return (followed.aggregator, followed.minimum, followed.maximum);
    }

    // Following

    function _open(uint24 underlying) private view returns (Walk memory walk) {
        walk.underlying = underlying;
        walk.feed = _feeds[underlying];
        walk.followed = _followed[underlying];
        walk.history = _histories[underlying];
    }

    /// @dev Looks at so many rounds at most; fewer when there are no more.
    function _look(Walk memory walk, uint256 most) private view returns (uint256 looked) {
        uint256 latest = ChainlinkFeed.latestRoundId(walk.feed.aggregator);
        (walk.latestPhase, walk.latestRound) = (latest >> 64, uint64(latest));
        uint256 phase = walk.followed.phaseOf();
        // A silent feed has nothing to say, and a proxy does not go back.
        if (latest == 0 || walk.latestPhase < phase) return 0;
        _enter(walk, phase);
        while (looked < most && _lookAtNext(walk)) ++looked;
    }

    /// @dev Finds where the phase that is followed ends.
    function _enter(Walk memory walk, uint256 phase) private view {
        address feed = walk.feed.aggregator;
        if (phase == walk.latestPhase) {
            (walk.lastOfPhase, walk.nextBegins, walk.endsEmpty) = (walk.latestRound, type(uint256).max, false);
            return;
        }
        uint256 last = ChainlinkFeed.lastRoundOf(feed, uint16(phase));
        // Many aggregators answer nobody but their proxy: then the phase ends with its first empty round.
        (walk.lastOfPhase, walk.endsEmpty) = (last == 0 ? MOST_ROUND : last, last == 0);
        (, uint256 begins) = ChainlinkFeed.roundAt(feed, ((phase + 1) << 64) | 1);
        walk.nextBegins = begins == 0 ? type(uint256).max : begins;
    }

    /// @dev Looks at the next round, or goes to the next phase; false when there is nothing more.
    function _lookAtNext(Walk memory walk) private view returns (bool) {
        FollowedRound followed = walk.followed;
        (uint256 phase, uint256 round) = (followed.phaseOf(), followed.roundOf() + 1);
        bool isOver = round > FixedPointMathLib.min(walk.lastOfPhase, MOST_ROUND);
        int256 answer;
        uint256 updatedAt;
        if (!isOver) {
            (answer, updatedAt) = ChainlinkFeed.roundAt(walk.feed.aggregator, (phase << 64) | round);
            isOver = updatedAt >= walk.nextBegins || (walk.endsEmpty && updatedAt == 0);
        }
        if (isOver) {
            if (phase == walk.latestPhase) return false;
            walk.followed = followed.withRound(phase + 1, 0);
            _enter(walk, phase + 1);
            return true;
        }
        if (updatedAt > block.timestamp) return false;
        walk.followed = followed.withRound(phase, round);
        if (updatedAt >= followed.acceptedAt() && _isInBand(walk.feed, answer) && updatedAt != 0) {
            _accept(walk, uint256(answer), updatedAt);
        }
        return true;
    }

    /// @dev Puts an accepted round into the variances.
    function _accept(Walk memory walk, uint256 answer, uint256 updatedAt) private view {
        FollowedRound followed = walk.followed;
        uint256 elapsed = updatedAt - followed.acceptedAt();
        uint256 prior = elapsed > RealisedVolatility.HONEST_GAP ? _priorOf(walk.underlying) : 0;
        uint256 moved = RealisedVolatility.movedBy(followed.answerOf(), answer, prior, elapsed);
        uint256 slow = followed.slowVariance();
        uint256 fast = followed.fastVariance();
        slow = RealisedVolatility.afterRound(slow, moved, elapsed, RealisedVolatility.SLOW_SECONDS);
        fast = RealisedVolatility.afterRound(fast, moved, elapsed, RealisedVolatility.FAST_SECONDS);
        walk.followed = followed.withAnswer({answer: answer, acceptedTime: updatedAt, slow: slow, fast: fast});
        _remember(walk);
    }

    /// @dev Begins to follow a feed after its latest round. From one feed to another the price is not compared, and the time
    /// between them is one without news.
    function _anchor(Walk memory walk) private view {
        address feed = walk.feed.aggregator;
        uint256 latest = ChainlinkFeed.latestRoundId(feed);
        (int256 answer, uint256 updatedAt) = ChainlinkFeed.roundAt(feed, latest);
        bool isGood = updatedAt != 0 && updatedAt <= block.timestamp && uint64(latest) <= MOST_ROUND;
        if (!isGood || !_isInBand(walk.feed, answer)) revert NoRoundToFollow(walk.underlying, feed);

        FollowedRound followed = walk.followed;
        (uint256 slow, uint256 fast) = (followed.slowVariance(), followed.fastVariance());
        uint256 prior = _priorOf(walk.underlying);
        if (FollowedRound.unwrap(followed) == 0) {
            (slow, fast) = (prior, prior);
        } else {
            updatedAt = FixedPointMathLib.max(updatedAt, followed.acceptedAt());
            uint256 elapsed = updatedAt - followed.acceptedAt();
            slow = RealisedVolatility.silentFor(slow, prior, elapsed, RealisedVolatility.SLOW_SECONDS);
            fast = RealisedVolatility.silentFor(fast, prior, elapsed, RealisedVolatility.FAST_SECONDS);
        }
        followed = followed.withRound(latest >> 64, uint64(latest));
        walk.followed = followed.withAnswer({answer: uint256(answer), acceptedTime: updatedAt, slow: slow, fast: fast});
        _remember(walk);
    }

    /// @dev Keeps variances of one and of two days ago.
    function _remember(Walk memory walk) private pure {
        History memory history = walk.history;
        FollowedRound followed = walk.followed;
        uint256 acceptedAt = followed.acceptedAt();
        if (history.noted != 0 && acceptedAt - history.noted < HISTORY_SECONDS) return;
        (uint48 slow, uint48 fast) = (uint48(followed.slowVariance()), uint48(followed.fastVariance()));
        bool isFirst = history.noted == 0;
        (history.slowBefore, history.fastBefore) = isFirst ? (slow, fast) : (history.slow, history.fast);
        history.before = isFirst ? uint32(acceptedAt) : history.noted;
        (history.slow, history.fast, history.noted) = (slow, fast, uint32(acceptedAt));
    }

    /// @dev Stores what a walk has found, and tells the Rules if they listen.
    function _close(Walk memory walk, uint256 looked) private {
        (uint24 underlying, FollowedRound followed) = (walk.underlying, walk.followed);
        uint256 accepted = uint128(FollowedRound.unwrap(followed));
        bool isNews = accepted != uint128(FollowedRound.unwrap(_followed[underlying]));
        _followed[underlying] = followed;
        uint256 acceptedAt = followed.acceptedAt();
        (uint256 slow, uint256 fast) = (followed.slowVariance(), followed.fastVariance());
        _keep(underlying, walk.history);
        emit RoundsFollowed(underlying, looked, _idOf(followed), followed.answerOf(), acceptedAt, slow, fast);

        if (!isNews) return;
        (address listened, ) = RULES.volatilityOracle();
        if (listened == address(this)) {
            RULES.noteVolatility({
                underlying: underlying,
                slowBps: RealisedVolatility.sigmaBpsOf(slow),
                fastBps: RealisedVolatility.sigmaBpsOf(fast),
                roundAt: uint32(acceptedAt)
            });
        }
    }

    function _keep(uint24 underlying, History memory history) private {
        if (history.noted == _histories[underlying].noted) return;
        _histories[underlying] = history;
        emit VariancesKept(underlying, history.slowBefore, history.fastBefore, history.before);
    }

    // Reading

    /// @dev The feed that the price oracle reads, with its band.
    function _feedNow(uint24 underlying) private view returns (Feed memory) {
        (IPriceOracle.Feed[] memory primary, , ) = ORACLE.sourcesOf(underlying);
        if (primary.length != 1) revert NotOneFeed(underlying, primary.length);
        address aggregator = primary[0].aggregator;
        // The price oracle has refused feeds of more than 24, but one may be silent now.
        uint256 decimals = ChainlinkFeed.decimalsOf(aggregator);
        if (decimals == ChainlinkFeed.UNKNOWN_DECIMALS) revert NoRoundToFollow(underlying, aggregator);
        return
            Feed({
                aggregator: aggregator,
                decimals: uint8(decimals),
                minimum: primary[0].minimum,
                maximum: primary[0].maximum
            });
    }

    function _isInBand(Feed memory feed, int256 answer) private pure returns (bool) {
        uint256 price = ChainlinkFeed.toWad(answer, feed.decimals);
        return price > feed.minimum && price < feed.maximum;
    }

    /// @dev The prior's variance, of its whole percents, on its way while a ramp runs [1e-12 per year].
    function _priorOf(uint24 underlying) private view returns (uint256) {
        return RealisedVolatility.varianceOfPrior(RULES.marginRatesOf(underlying).priorSigma / 1e16);
    }

    function _idOf(FollowedRound followed) private pure returns (uint256) {
        return (followed.phaseOf() << 64) | followed.roundOf();
    }
}
