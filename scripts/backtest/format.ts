/** A share as a percentage: 0.0433 is "4.33 %". */
export function percent(share: number, digits = 2): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** A ratio: "2.31x". */
export function times(ratio: number, digits = 2): string {
  return `${ratio.toFixed(digits)}x`;
}

/** A whole number with commas. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A length of time in its largest whole unit: "15 min" [seconds]. */
export function lengthOf(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** "2020-03-12 10:00" [unix seconds]. */
export function minuteOf(time: number): string {
  return new Date(time * 1000).toISOString().slice(0, 16).replace("T", " ");
}

/** "2020-03-12" [unix seconds]. */
export function dayOf(time: number): string {
  return new Date(time * 1000).toISOString().slice(0, 10);
}
