import { type ErrorEntries, type ErrorValues } from "../entry.js";

/** When the grace period is over; unknown while the sequencer is down. */
function graceEnd({ since, gracePeriod }: ErrorValues): bigint | undefined {
  return typeof since === "bigint" && typeof gracePeriod === "bigint" && since !== 0n
    ? since + gracePeriod
    : undefined;
}

/** Errors of IPriceOracle and IVolatilityOracle. */
export const ORACLE_ERRORS: ErrorEntries = {
  "UnknownUnderlying(uint24)": {
    sentence: "There is no feed for {underlying:underlying}.",
    cure: "Use an underlying that is listed.",
    remedy: "fatal",
  },
  "StalePrice(uint24,address,uint256,uint256)": {
    sentence:
      "The price of {underlying:underlying} from {aggregator} is of {updatedAt:time} and may be {maximumAge:seconds} old.",
    cure: "Wait for the feed's next answer; deposits work, and liquidations where little depends on the price.",
    remedy: "wait",
  },
  "InvalidPrice(uint24,address,int256)": {
    sentence:
      "The feed {aggregator} of {underlying:underlying} answers {answer} in its own decimals, which is not inside its sanity band.",
    cure: "Wait for a sane answer; if it stays so, see the runbook's chapter on feeds.",
    remedy: "wait",
  },
  "PriceDeviation(uint24,uint256,uint256,uint256)": {
    sentence:
      "The sources of {underlying:underlying} say {primary:wad} and {secondary:wad}, further apart than {allowedBps:bps}.",
    cure: "Wait until they agree again.",
    remedy: "wait",
  },
  "NoLastPrice(uint24)": {
    sentence: "No price of {underlying:underlying} was accepted that is young enough.",
    cure: "Wait for the feed's next answer; PriceOracle.notePrice keeps one for liquidations.",
    remedy: "wait",
  },
  "SourcesDisagree(uint24,uint256,uint256,uint256)": {
    sentence:
      "The new sources of {underlying:underlying} say {current:wad} and those that they replace {replaced:wad}, further apart than {allowedBps:bps}.",
    cure: "Look at the addresses and at both feeds before you propose it again.",
    remedy: "fatal",
  },
  "SequencerDown(uint256,uint256)": {
    sentence:
      "The rollup's sequencer is down, or came back at {since:time}, less than {gracePeriod:seconds} ago.",
    cure: "Wait until it has been up for the grace period.",
    remedy: "wait",
    until: graceEnd,
  },
  "FeedParameterOutOfBounds(bytes32,uint256,uint256,uint256)": {
    sentence:
      'The parameter "{name:name}" of a source is {value} and must be {least} to {most}, in its own unit.',
    cure: "Propose a value within its bounds.",
    remedy: "fatal",
  },
  "WrongNumberOfFeeds(uint256,uint256)": {
    sentence: "A source has 1 to {most} feeds, not {given}.",
    cure: "Give it that many; a secondary source may have none.",
    remedy: "fatal",
  },
  "NotFollowed(uint24)": {
    sentence: "The feed of {underlying:underlying} is not followed yet.",
    cure: "Call VolatilityOracle.follow first, which anyone may.",
    remedy: "fatal",
  },
  "AlreadyFollowed(uint24,address)": {
    sentence: "The feed {feed} of {underlying:underlying} is followed already.",
    cure: "Poke it instead.",
    remedy: "retry",
  },
  "NotOneFeed(uint24,uint256)": {
    sentence:
      "The price of {underlying:underlying} comes from {feeds} feeds, and only the rounds of one can be followed.",
    cure: "Follow an underlying whose primary source is one feed.",
    remedy: "fatal",
  },
  "NoRoundToFollow(uint24,address)": {
    sentence:
      "The feed {feed} of {underlying:underlying} has no round now that it could be followed from.",
    cure: "Wait for the feed's next answer.",
    remedy: "wait",
  },
};
