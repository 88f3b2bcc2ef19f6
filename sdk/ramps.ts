/**
 * What governance changes moves in a straight line from its old value to its new one: section 4 of the design,
 * `types/Ramp.sol`.
 */

/** How long a ramp takes [seconds]. */
export const RAMP_SECONDS = 259_200n;

/**
 * A value on its way: `from` at the beginning of the ramp, `to` from its end on, a straight line between them. Rounded
 * towards `from`.
 *
 * @param end The end of the ramp; in the past when there is none [unix seconds].
 * @param time Not before the ramp began [unix seconds].
 */
export function rampedAt(from: bigint, to: bigint, end: bigint, time: bigint): bigint {
  if (time >= end) return to;
  const passed = RAMP_SECONDS - (end - time);
  return from + ((to - from) * passed) / RAMP_SECONDS;
}
