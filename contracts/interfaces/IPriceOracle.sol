// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IPriceOracle
/// @notice Prices of underlyings in the settlement currency, from Chainlink feeds.
/// @dev Assumed and not enforced: feeds are Chainlink proxies chosen by governance and do not turn hostile; the
/// settlement token is worth one dollar.
interface IPriceOracle {
    /// @notice One Chainlink feed in a product of feeds.
    struct Feed {
        /// The proxy (AggregatorV3Interface).
        address aggregator;
        /// How old its answer may be [seconds].
        uint32 maximumAge;
        /// The answer is refused at this value or below it [wad].
        uint128 minimum;
        /// The answer is refused at this value or above it [wad].
        uint128 maximum;
    }

    /// @notice The underlying has no feed.
    error UnknownUnderlying(uint24 underlying);
    /// @notice Neither source has an answer that is young enough; `updatedAt` is the primary's, 0 when it did not
    /// answer [unix seconds].
    error StalePrice(uint24 underlying, address aggregator, uint256 updatedAt, uint256 maximumAge);
    /// @notice The answer is not a price: not positive, or at the edge of its sanity band or outside of it.
    error InvalidPrice(uint24 underlying, address aggregator, int256 answer);
    /// @notice The two sources are further apart than allowed [wad].
    error PriceDeviation(uint24 underlying, uint256 primary, uint256 secondary, uint256 allowedBps);
    /// @notice No price was accepted that is young enough.
    error NoLastPrice(uint24 underlying);
    /// @notice New sources are further from those they replace than allowed [wad].
    error SourcesDisagree(uint24 underlying, uint256 replaced, uint256 current, uint256 allowedBps);
    /// @notice The rollup's sequencer is down or came back less than the grace period ago [unix seconds].
    error SequencerDown(uint256 since, uint256 gracePeriod);
    /// @notice A parameter of a source is outside of its bounds.
    error FeedParameterOutOfBounds(bytes32 name, uint256 value, uint256 least, uint256 most);
    /// @notice A source must have one to three feeds.
    error WrongNumberOfFeeds(uint256 given, uint256 most);

    /// @notice A price was noted, for the time when there is none [wad].
    event PriceNoted(uint24 indexed underlying, uint256 price);
    /// @notice The underlying's sources were set.
    event SourcesSet(uint24 indexed underlying, Feed[] primary, Feed[] secondary, uint16 allowedDeviationBps);
    /// @notice The rollup's uptime feed was set; the zero address means that the chain has no sequencer.
    event SequencerSet(address uptimeFeed, uint32 gracePeriodSeconds);

    /// @notice The price of one unit of the underlying [wad].
    /// @dev A source is the product of its feeds. A stale primary yields to a fresh secondary; when both are fresh they
    /// must agree. Reverts with UnknownUnderlying, StalePrice, InvalidPrice, PriceDeviation or SequencerDown.
    function price(uint24 underlying) external view returns (uint256);

    /// @notice The newest price that was accepted: what a stale source said when it was fresh, up to three days ago, or what
    /// was noted, up to four hours ago. For liquidations and reductions while `price` reverts, and for nothing else [wad].
    /// @dev A source that is fresh and refused for another reason says nothing here. Reverts with UnknownUnderlying,
    /// NoLastPrice or SequencerDown.
    function lastPrice(uint24 underlying) external view returns (uint256);

    /// @notice Keeps today's price for the time when there is none. By anyone, as often as they like; keepers do it
    /// hourly. Reverts as `price` does.
    function notePrice(uint24 underlying) external;

    /// @notice The sources of an underlying: feeds that are multiplied, and how far the two may be apart [bps].
    function sourcesOf(
        uint24 underlying
    ) external view returns (Feed[] memory primary, Feed[] memory secondary, uint16 allowedDeviationBps);

    /// @notice Sets the sources of an underlying, in the settlement currency. Governance only.
    /// @dev Sources that replace others must be readable and agree with their price within 2 %; with their last price
    /// when they are silent; with nothing when there is none. Reverts with SourcesDisagree.
    /// @param underlying Number of the underlying, not 0.
    /// @param primary One to three feeds, whose product is the price.
    /// @param secondary None to three feeds.
    /// @param allowedDeviationBps How far the sources may be apart [bps of the primary]; 0 when there is no secondary.
    function setSources(
        uint24 underlying,
        Feed[] calldata primary,
        Feed[] calldata secondary,
        uint16 allowedDeviationBps
    ) external;

    /// @notice The same without agreement, for a source that goes on telling a wrong price inside its band. Governance only,
    /// after the longest notice: whoever depends on the price can leave before.
    function replaceSources(
        uint24 underlying,
        Feed[] calldata primary,
        Feed[] calldata secondary,
        uint16 allowedDeviationBps
    ) external;

    /// @notice Sets the rollup's uptime feed. Governance only.
    /// @param uptimeFeed Chainlink's uptime feed, or the zero address on a chain without a sequencer.
    /// @param gracePeriodSeconds How long prices are refused after the sequencer came back [seconds].
    function setSequencer(address uptimeFeed, uint32 gracePeriodSeconds) external;
}
