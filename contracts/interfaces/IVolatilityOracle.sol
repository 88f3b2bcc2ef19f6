// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IVolatilityOracle
/// @notice How much the prices of underlyings move, from every round of the Chainlink feeds that price them.
/// @dev Nobody governs it: it follows the feed that the price oracle reads, within the band that the price oracle has for
/// it, and anyone brings it the next rounds. A new one may follow feeds before the Rules listen to it.
interface IVolatilityOracle {
    /// @notice What is known of an underlying's volatility.
    struct Volatility {
        /// As of the last accepted round [1e-12 per year].
        uint256 slowVariance;
        /// [1e-12 per year]
        uint256 fastVariance;
        /// When that round was written [unix seconds].
        uint256 acceptedAt;
        /// Its answer [feed's decimals].
        uint256 answer;
        /// The last round that was looked at.
        uint256 roundId;
        /// One to two days before, or since the feed is followed [1e-12 per year].
        uint256 slowVarianceBefore;
        /// [1e-12 per year]
        uint256 fastVarianceBefore;
        /// When that was [unix seconds].
        uint256 before;
    }

    /// @notice Nobody has made the underlying's feed be followed yet.
    error NotFollowed(uint24 underlying);
    /// @notice The price oracle's feed is followed already, within its band.
    error AlreadyFollowed(uint24 underlying, address feed);
    /// @notice Only the rounds of one feed can be followed: the price is the product of several, or has no source.
    error NotOneFeed(uint24 underlying, uint256 feeds);
    /// @notice The feed has no round now that it could be followed from.
    error NoRoundToFollow(uint24 underlying, address feed);

    /// @notice From now on an underlying's volatility comes from this feed, after this round.
    event FeedFollowed(uint24 indexed underlying, address indexed feed, uint256 roundId);
    /// @notice Rounds were looked at, up to this one; variances are as of the last accepted one
    /// [feed's decimals, unix seconds, 1e-12 per year].
    event RoundsFollowed(
        uint24 indexed underlying,
        uint256 looked,
        uint256 roundId,
        uint256 answer,
        uint256 acceptedAt,
        uint256 slowVariance,
        uint256 fastVariance
    );

    /// @notice A day or more after the last time, variances were kept to look back at; those of that time, with it, are what
    /// `volatilityOf` says of the past from now on [1e-12 per year, 1e-12 per year, unix seconds].
    event VariancesKept(uint24 indexed underlying, uint256 slowBefore, uint256 fastBefore, uint256 before);

    /// @notice Looks at the rounds since the last that was looked at, in order, each of them once; accepted ones move the
    /// variances by RealisedVolatility. By anyone, as often as they like: the same rounds give the same volatility, however
    /// they are divided among calls (VolatilityOracle says what is left where two aggregators overlap). Reverts with
    /// NotFollowed.
    /// @param underlying Number of the underlying.
    /// @param mostRounds How many rounds at most, beside the 256 of one call.
    /// @return looked How many rounds were looked at; when as many as were asked for, there may be more.
    function poke(uint24 underlying, uint256 mostRounds) external returns (uint256 looked);

    /// @notice Follows the feed that the price oracle reads now, for the first time or after its source or band was changed.
    /// By anyone. Volatility begins with the prior, or stays what it is when the feed is another.
    /// @dev Up to 256 rounds of the former feed are looked at first. Reverts with AlreadyFollowed, NotOneFeed,
    /// NoRoundToFollow, or with UnknownInstrument of the Rules when the underlying is not listed.
    function follow(uint24 underlying) external;

    /// @notice What is known of an underlying's volatility. Reverts with NotFollowed. The volatility in force, with what
    /// silence makes of it, is `marginRatesOf` of the Rules.
    function volatilityOf(uint24 underlying) external view returns (Volatility memory);

    /// @notice The feed that is followed, and the band outside of which its answers are passed over [wad]; the zero address
    /// when there is none.
    function feedOf(uint24 underlying) external view returns (address feed, uint256 minimum, uint256 maximum);
}
