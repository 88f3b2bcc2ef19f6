import { dayOf, percent } from "./format.js";
import type { Axis, Band, Layer, Point } from "./svg.js";

/** Told apart by people who do not see all colours: Okabe and Ito's palette. */
export const COLOURS = {
  price: "#555555",
  chosen: "#0072b2",
  static: "#d55e00",
  ewma: "#cc79a7",
  move: "#bbbbbb",
} as const;

const YEAR_SECONDS = 31_557_600;

export function line(
  title: string | undefined,
  colour: string,
  points: readonly Point[],
): Extract<Layer, { kind: "line" }> {
  return { kind: "line", ...(title === undefined ? {} : { title }), colour, points };
}

export function flat(title: string, level: number, time: Float64Array): Layer {
  return line(title, COLOURS.static, [
    [time[0] ?? 0, level],
    [time.at(-1) ?? 0, level],
  ]);
}

export function timeAxis(time: Float64Array): Axis {
  const [from, to] = [time[0] ?? 0, time.at(-1) ?? 1];
  const long = to - from > 2 * YEAR_SECONDS;
  const years = Array.from({ length: 100 }, (_, i) => Date.UTC(1980 + i, 0) / 1000);
  const days = Math.max(Math.ceil((to - from) / 86_400 / 8), 1) * 86_400;
  const first = Math.ceil(from / 86_400) * 86_400;
  return {
    from,
    to,
    label: "time [UTC]",
    format: long ? (at) => dayOf(at).slice(0, 4) : dayOf,
    ticks: long ? years : Array.from({ length: 10 }, (_, i) => first + i * days),
  };
}

export function shareAxis(to: number, label: string): Axis {
  return { from: 0, to, label, format: (share) => percent(share, to < 0.05 ? 1 : 0) };
}

export function rangeOf(bands: readonly Band[]): [low: number, high: number] {
  return [Math.min(...bands.map(([, low]) => low)), Math.max(...bands.map(([, , high]) => high))];
}

/** The largest value in a list: `Math.max` takes no more arguments than the stack has room for. */
export function top(values: Float64Array): [number] {
  return [values.reduce((most, value) => Math.max(most, value), -Infinity)];
}
