/** Parameters that move in a straight line from what they were to what they were set to. */

/** How long they are on their way [seconds]. */
const RAMP_SECONDS = 3n * 86_400n;

/** Numbers by name: those of one ramp move together. A ramp is never changed, only replaced. */
export interface Ramp<Name extends string> {
  readonly from: Readonly<Record<Name, bigint>>;
  readonly to: Readonly<Record<Name, bigint>>;
  /** From here on they are `to` [unix seconds]. */
  readonly end: bigint;
}

/** Numbers that have never moved. */
export function resting<Name extends string>(to: Record<Name, bigint>): Ramp<Name> {
  return { from: to, to, end: 0n };
}

/** from + (to - from) x passed / RAMP, rounded towards `from` */
export function onTheWay([from, to]: readonly [bigint, bigint], end: bigint, now: bigint): bigint {
  if (now >= end) return to;
  const passed = RAMP_SECONDS - (end - now);
  return from + ((to - from) * passed) / RAMP_SECONDS;
}

/** Each number on its own way. */
export function todayOf<Name extends string>(
  { from, to, end }: Ramp<Name>,
  now: bigint,
): Readonly<Record<Name, bigint>> {
  if (now >= end) return to;
  const names = Object.keys(to) as Name[];
  const entries = names.map((name) => [name, onTheWay([from[name], to[name]], end, now)]);
  return Object.fromEntries(entries) as Record<Name, bigint>;
}

/** All begin to move from where they are now; setting what is set already changes nothing. */
export function redirected<Name extends string>(
  ramp: Ramp<Name>,
  given: Partial<Record<Name, bigint>>,
  now: bigint,
): Ramp<Name> {
  const to = { ...ramp.to, ...given };
  if (!differs(ramp, given)) return ramp;
  return { from: todayOf(ramp, now), to, end: now + RAMP_SECONDS };
}

/** Whether any of these numbers is set to another value. */
export function differs<Name extends string>(
  { to }: Ramp<Name>,
  given: Partial<Record<Name, bigint>>,
): boolean {
  return (Object.keys(given) as Name[]).some((name) => given[name] !== to[name]);
}
