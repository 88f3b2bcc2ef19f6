// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {ChainlinkFeed} from "../libraries/ChainlinkFeed.sol";
import {WadMath} from "../libraries/WadMath.sol";
import {FeedHead, packFeedHead} from "../types/FeedHead.sol";

/// @title PriceOracle
/// @notice Prices of underlyings from Chainlink feeds: each the product of one to three feeds, with an optional second
/// source.
/// @dev How the answers of feeds become a price:
///
///   silent    a feed that does not answer, or whose answer is too old, has no time or one in the future: its source is
///             stale, and the other source is used alone
///   invalid   a fresh answer that is not strictly inside its band: there is no price, whatever the rest of its source
///             says and whichever source that is; a fresh second opinion of "no price" is a disagreement, no silence
///   rounding  answers and products are rounded down
///
/// The clamp of an aggregator is compared with the band when the source is set, so that an answer at the clamp lies
/// outside of the band. A proxy may move to an aggregator with another clamp later: governance then sets the source
/// again.
///
/// A price with one feed and no sequencer reads one slot, or two near the edge of its band: whether there is a sequencer is a bit of the underlying's
/// first word, and the slot with its address is only read where there is one. `setSequencer` keeps the bits.
contract PriceOracle is IPriceOracle, AccessManaged {
    /// @dev Two slots.
    struct StoredFeed {
        FeedHead head;
        /// The answer is refused at this value or below it [wad].
        uint128 minimum;
        /// The answer is refused at this value or above it [wad].
        uint128 maximum;
    }

    /// @dev One slot.
    struct Sequencer {
        address uptimeFeed;
        uint32 gracePeriodSeconds;
    }

    /// @dev One slot.
    struct NotedPrice {
        /// [wad]
        uint128 price;
        /// When it was accepted [unix seconds].
        uint40 notedAt;
    }

    uint256 private constant MOST_FEEDS = 3;
    uint256 private constant MOST_DECIMALS = 24;
    uint256 private constant LEAST_MAXIMUM_AGE = 60;
    uint256 private constant MOST_MAXIMUM_AGE = 7 days;
    uint256 private constant MOST_DEVIATION_BPS = 5_000;
    uint256 private constant LEAST_GRACE_PERIOD = 60;
    uint256 private constant MOST_GRACE_PERIOD = 1 days;
    /// @dev `setSequencer` writes one word for each: 256 cost less than 2,000,000 gas.
    uint256 private constant MOST_UNDERLYINGS = 256;
    /// @dev What a source said before it fell silent is the best there is, but not for longer than this [seconds].
    uint256 private constant LAST_ANSWER_SECONDS = 3 days;
    /// @dev Whoever notes a price chooses the moment, so what moves in this time is what it can be wrong by [seconds].
    uint256 private constant NOTED_PRICE_SECONDS = 4 hours;
    /// @dev How far new sources may be from those they replace [bps].
    uint256 private constant AGREEMENT_BPS = 200;
    /// @dev Every price fits a uint128.
    uint256 private constant MOST_PRICE = type(uint128).max;

    /// @dev The primary's feeds begin at 0, the secondary's at MOST_FEEDS; what lies beyond the counts is never read.
    mapping(uint24 underlying => StoredFeed[2 * MOST_FEEDS] feeds) private _feeds;
    uint24[] private _underlyings;
    Sequencer private _sequencer;
    mapping(uint24 underlying => NotedPrice noted) private _noted;

    constructor(address authority) AccessManaged(authority) {}

    // Keepers

    /// @inheritdoc IPriceOracle
    function notePrice(uint24 underlying) external {
        uint256 noted = price(underlying);
        _noted[underlying] = NotedPrice({price: uint128(noted), notedAt: uint40(block.timestamp)});
        emit PriceNoted(underlying, noted);
    }

    // Governance

    /// @inheritdoc IPriceOracle
    /// @dev A feed that does not say its decimals is refused as one of 2^256 - 1 decimals. A feed may be silent when it
    /// is set: what is checked is what does not change.
    function setSources(
        uint24 underlying,
        Feed[] calldata primary,
        Feed[] calldata secondary,
        uint16 allowedDeviationBps
    ) external restricted {
        uint256 replaced = _agreedPrice(underlying, _feeds[underlying][0].head);
        _setSources(underlying, primary, secondary, allowedDeviationBps);
        if (replaced != 0) _requireAgreement(underlying, replaced, price(underlying));
    }

    /// @inheritdoc IPriceOracle
    function replaceSources(
        uint24 underlying,
        Feed[] calldata primary,
        Feed[] calldata secondary,
        uint16 allowedDeviationBps
    ) external restricted {
        _setSources(underlying, primary, secondary, allowedDeviationBps);
    }

    /// @inheritdoc IPriceOracle
    /// @dev The zero address takes a grace period of 0. Chainlink's uptime feeds say 0 decimals: an address that does
    /// not is no uptime feed and is refused.
    function setSequencer(address uptimeFeed, uint32 gracePeriodSeconds) external restricted {
        bool present = uptimeFeed != address(0);
        _requireBounds(
            "gracePeriodSeconds",
            gracePeriodSeconds,
            present ? LEAST_GRACE_PERIOD : 0,
            present ? MOST_GRACE_PERIOD : 0
        );
        if (present) _requireBounds("decimals", ChainlinkFeed.decimalsOf(uptimeFeed), 0, 0);

        bool wasPresent = _sequencer.uptimeFeed != address(0);
        _sequencer = Sequencer({uptimeFeed: uptimeFeed, gracePeriodSeconds: gracePeriodSeconds});
        if (present != wasPresent) _markSequencer(present);

        emit SequencerSet(uptimeFeed, gracePeriodSeconds);
    }

    // Views

    /// @inheritdoc IPriceOracle
    function price(uint24 underlying) public view returns (uint256) {
        StoredFeed[2 * MOST_FEEDS] storage feeds = _feeds[underlying];
        FeedHead head = feeds[0].head;
        if (!head.isSet()) revert UnknownUnderlying(underlying);
        if (head.hasSequencer()) _requireSequencerUp();

        uint256 primary = _answer(underlying, feeds[0], head);
        // Nearly every price ends here.
        if (primary != 0 && head.hasOneFeed()) return primary;
        if (head.primaryCount() > 1) primary = _times(primary, underlying, feeds, 1, head.primaryCount());
        uint256 secondary;
        if (head.secondaryCount() != 0) {
            secondary = _answer(underlying, feeds[MOST_FEEDS], feeds[MOST_FEEDS].head);
            secondary = _times(secondary, underlying, feeds, MOST_FEEDS + 1, MOST_FEEDS + head.secondaryCount());
        }

        if (primary == 0) {
            if (secondary == 0) _revertStale(underlying, feeds, head.primaryCount());
            return secondary;
        }
        if (secondary != 0) {
            uint256 apart = primary > secondary ? primary - secondary : secondary - primary;
            // Multiplied out, so that nothing is rounded: both sides are below 2^128 x 10,000.
            if (apart * 10_000 > primary * head.allowedDeviationBps()) {
                revert PriceDeviation(underlying, primary, secondary, head.allowedDeviationBps());
            }
        }
        return primary;
    }

    /// @inheritdoc IPriceOracle
    function lastPrice(uint24 underlying) external view returns (uint256 last) {
        StoredFeed[2 * MOST_FEEDS] storage feeds = _feeds[underlying];
        FeedHead head = feeds[0].head;
        if (!head.isSet()) revert UnknownUnderlying(underlying);
        if (head.hasSequencer()) _requireSequencerUp();

        NotedPrice memory noted = _noted[underlying];
        (uint256 primary, uint256 primaryAt) = _lastProduct(feeds, 0, head.primaryCount());
        (uint256 secondary, uint256 secondaryAt) = _lastProduct(feeds, MOST_FEEDS, head.secondaryCount());
        uint256 lastAt;
        if (block.timestamp - noted.notedAt <= NOTED_PRICE_SECONDS) (last, lastAt) = (noted.price, noted.notedAt);
        uint256 oldest = block.timestamp - LAST_ANSWER_SECONDS;
        if (secondaryAt >= oldest && secondaryAt > lastAt) (last, lastAt) = (secondary, secondaryAt);
        if (primaryAt >= oldest && primaryAt >= lastAt) (last, lastAt) = (primary, primaryAt);
        if (last == 0) revert NoLastPrice(underlying);
    }

    /// @inheritdoc IPriceOracle
    function sourcesOf(
        uint24 underlying
    ) external view returns (Feed[] memory primary, Feed[] memory secondary, uint16 allowedDeviationBps) {
        StoredFeed[2 * MOST_FEEDS] storage feeds = _feeds[underlying];
        FeedHead head = feeds[0].head;
        primary = _load(feeds, 0, head.primaryCount());
        secondary = _load(feeds, MOST_FEEDS, head.secondaryCount());
        allowedDeviationBps = head.allowedDeviationBps();
    }

    // Reading

    /// @dev price = answer 1 x answer 2 x answer 3, rounded down at each product; 0 when one is stale. All feeds are read in
    /// any case: an invalid one must not hide behind a stale one.
    function _times(
        uint256 product,
        uint24 underlying,
        StoredFeed[2 * MOST_FEEDS] storage feeds,
        uint256 first,
        uint256 end
    ) private view returns (uint256) {
        for (uint256 i = first; i < end; ++i) {
            product = WadMath.mulDown(product, _answer(underlying, feeds[i], feeds[i].head));
        }
        return product;
    }

    /// @dev A feed's answer, 0 when it is stale; never 0 otherwise, because every minimum is at least 1.
    /// @param head The feed's head, which the first one's caller has read already.
    function _answer(uint24 underlying, StoredFeed storage feed, FeedHead head) private view returns (uint256 answer) {
        (int256 raw, , uint256 updatedAt) = ChainlinkFeed.latestRound(head.aggregator());
        if (_isStale(updatedAt, head.maximumAge())) return 0;

        answer = ChainlinkFeed.toWad(raw, head.feedDecimals());
        if (!head.isWellInside(answer) && (answer <= feed.minimum || answer >= feed.maximum)) {
            revert InvalidPrice(underlying, head.aggregator(), raw);
        }
    }

    /// @dev An answer is good up to and including its maximum age. One without a time, or with a time that has not
    /// come, has no age that could be trusted.
    function _isStale(uint256 updatedAt, uint256 maximumAge) private view returns (bool) {
        // Unchecked: a time that has not come wraps to an age above every maximum.
        unchecked {
            return updatedAt == 0 || block.timestamp - updatedAt > maximumAge;
        }
    }

    /// @dev What a source said when it was last fresh, and the time of its oldest answer; 0 and 0 when an answer is no
    /// price, and when the source is fresh now: what it says was then refused for another reason than its age.
    function _lastProduct(
        StoredFeed[2 * MOST_FEEDS] storage feeds,
        uint256 first,
        uint256 count
    ) private view returns (uint256 product, uint256 updatedAt) {
        bool stale;
        product = WadMath.WAD;
        updatedAt = block.timestamp;
        for (uint256 i = first; i < first + count; ++i) {
            FeedHead head = feeds[i].head;
            (int256 raw, , uint256 answeredAt) = ChainlinkFeed.latestRound(head.aggregator());
            uint256 answer = ChainlinkFeed.toWad(raw, head.feedDecimals());
            if (answeredAt > block.timestamp || answer <= feeds[i].minimum || answer >= feeds[i].maximum) return (0, 0);
            if (_isStale(answeredAt, head.maximumAge())) stale = true;
            if (answeredAt < updatedAt) updatedAt = answeredAt;
            product = WadMath.mulDown(product, answer);
        }
        if (!stale) return (0, 0);
    }

    /// @dev The price of the sources that are about to be replaced, or the last one while it is young enough; 0 when
    /// there is neither, for dead sources must not stay for ever.
    function _agreedPrice(uint24 underlying, FeedHead head) private view returns (uint256) {
        if (!head.isSet()) return 0;
        if (head.hasSequencer()) _requireSequencerUp();
        try this.price(underlying) returns (uint256 current) {
            return current;
        } catch {
            try this.lastPrice(underlying) returns (uint256 last) {
                return last;
            } catch {
                return 0;
            }
        }
    }

    function _requireAgreement(uint24 underlying, uint256 replaced, uint256 current) private pure {
        uint256 apart = current > replaced ? current - replaced : replaced - current;
        // Multiplied out, so that nothing is rounded.
        if (apart * 10_000 > replaced * AGREEMENT_BPS) {
            revert SourcesDisagree(underlying, replaced, current, AGREEMENT_BPS);
        }
    }

    /// @dev Names the first stale feed of the primary source; off the path of a good price, so it reads again.
    function _revertStale(uint24 underlying, StoredFeed[2 * MOST_FEEDS] storage feeds, uint256 count) private view {
        for (uint256 i = 0; i < count; ++i) {
            FeedHead head = feeds[i].head;
            (, , uint256 updatedAt) = ChainlinkFeed.latestRound(head.aggregator());
            if (_isStale(updatedAt, head.maximumAge())) {
                revert StalePrice(underlying, head.aggregator(), updatedAt, head.maximumAge());
            }
        }
    }

    /// @dev Up means: answers 0, since a time that is known and at least the grace period ago. A feed that does not
    /// answer has a `startedAt` of 0, as one that was never initialised.
    function _requireSequencerUp() private view {
        Sequencer memory sequencer = _sequencer;
        (int256 status, uint256 startedAt, ) = ChainlinkFeed.latestRound(sequencer.uptimeFeed);
        bool up = status == 0 && startedAt != 0 && startedAt <= block.timestamp;
        if (!up || block.timestamp - startedAt < sequencer.gracePeriodSeconds) {
            revert SequencerDown(startedAt, sequencer.gracePeriodSeconds);
        }
    }

    // Storing

    function _setSources(
        uint24 underlying,
        Feed[] calldata primary,
        Feed[] calldata secondary,
        uint16 allowedDeviationBps
    ) private {
        _requireBounds("underlying", underlying, 1, type(uint24).max);
        if (primary.length == 0 || primary.length > MOST_FEEDS) revert WrongNumberOfFeeds(primary.length, MOST_FEEDS);
        if (secondary.length > MOST_FEEDS) revert WrongNumberOfFeeds(secondary.length, MOST_FEEDS);
        bool alone = secondary.length == 0;
        _requireBounds("allowedDeviationBps", allowedDeviationBps, alone ? 0 : 1, alone ? 0 : MOST_DEVIATION_BPS);

        StoredFeed[2 * MOST_FEEDS] storage feeds = _feeds[underlying];
        if (!feeds[0].head.isSet()) {
            _requireBounds("underlyings", _underlyings.length + 1, 1, MOST_UNDERLYINGS);
            _underlyings.push(underlying);
        }
        _store(feeds, 0, primary);
        _store(feeds, MOST_FEEDS, secondary);
        feeds[0].head = feeds[0]
            .head
            .withSources(uint8(primary.length), uint8(secondary.length), allowedDeviationBps)
            .withSequencer(_sequencer.uptimeFeed != address(0));

        emit SourcesSet(underlying, primary, secondary, allowedDeviationBps);
    }

    function _store(StoredFeed[2 * MOST_FEEDS] storage feeds, uint256 first, Feed[] calldata given) private {
        uint256 leastPrice = WadMath.WAD;
        uint256 mostPrice = WadMath.WAD;
        for (uint256 i = 0; i < given.length; ++i) {
            Feed calldata feed = given[i];
            uint8 decimals = _requireFeed(feed);
            // The price lies between these products, so it is never 0 and no product of answers overflows.
            leastPrice = WadMath.mulDown(leastPrice, feed.minimum);
            mostPrice = WadMath.mulDown(mostPrice, feed.maximum);
            _requireBounds("productOfMinimums", leastPrice, 1, MOST_PRICE);
            _requireBounds("productOfMaximums", mostPrice, 1, MOST_PRICE);

            feeds[first + i] = StoredFeed({
                head: packFeedHead({
                    proxy: feed.aggregator,
                    maximumAgeSeconds: feed.maximumAge,
                    decimals: decimals,
                    minimum: feed.minimum,
                    maximum: feed.maximum
                }),
                minimum: feed.minimum,
                maximum: feed.maximum
            });
        }
    }

    /// @dev Checks a feed against the bounds and against its aggregator, and returns its decimals.
    function _requireFeed(Feed calldata feed) private view returns (uint8) {
        _requireBounds("maximumAge", feed.maximumAge, LEAST_MAXIMUM_AGE, MOST_MAXIMUM_AGE);
        uint256 decimals = ChainlinkFeed.decimalsOf(feed.aggregator);
        _requireBounds("decimals", decimals, 0, MOST_DECIMALS);

        (int256 least, int256 most) = ChainlinkFeed.clampOf(feed.aggregator);
        uint256 leastMinimum = ChainlinkFeed.toWad(least, decimals);
        uint256 mostMaximum = ChainlinkFeed.toWad(most, decimals);
        if (leastMinimum == 0) leastMinimum = 1;
        if (mostMaximum > MOST_PRICE) mostMaximum = MOST_PRICE;
        _requireBounds("minimum", feed.minimum, leastMinimum, MOST_PRICE);
        _requireBounds("maximum", feed.maximum, uint256(feed.minimum) + 1, mostMaximum);
        return uint8(decimals);
    }

    function _markSequencer(bool present) private {
        for (uint256 i = 0; i < _underlyings.length; ++i) {
            StoredFeed storage feed = _feeds[_underlyings[i]][0];
            feed.head = feed.head.withSequencer(present);
        }
    }

    function _load(
        StoredFeed[2 * MOST_FEEDS] storage feeds,
        uint256 first,
        uint256 count
    ) private view returns (Feed[] memory loaded) {
        loaded = new Feed[](count);
        for (uint256 i = 0; i < count; ++i) {
            StoredFeed storage feed = feeds[first + i];
            loaded[i] = Feed({
                aggregator: feed.head.aggregator(),
                maximumAge: uint32(feed.head.maximumAge()),
                minimum: feed.minimum,
                maximum: feed.maximum
            });
        }
    }

    function _requireBounds(bytes32 name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert FeedParameterOutOfBounds(name, value, least, most);
    }
}
