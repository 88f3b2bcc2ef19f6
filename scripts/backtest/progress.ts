/** Tells the person who waits how far a long piece of work is. */
export interface Progress {
  /** @param share What is done of it, 0 to 1. */
  at(share: number): void;
  /** The work is done: what was only meant for the wait disappears. */
  done(): void;
}

/** Where progress is shown: standard error, or what a test gives instead. */
interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const CELLS = 30;
/** A line in a log that often is enough [milliseconds]. */
const LINE_INTERVAL = 5_000;
const BAR_INTERVAL = 50;

/**
 * A bar on a terminal; in a log a line when it begins and one every few seconds.
 *
 * @param now The clock [milliseconds].
 */
export function openProgress(
  title: string,
  screen: Screen = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  const terminal = screen.isTTY === true;
  const interval = terminal ? BAR_INTERVAL : LINE_INTERVAL;
  let shown = now();
  const show = (share: number): void => {
    const percents = `${Math.floor(share * 100)} %`;
    if (!terminal) {
      screen.write(`${title}: ${percents}\n`);
      return;
    }
    const full = Math.round(share * CELLS);
    screen.write(
      `\r${title} ${"█".repeat(full)}${"░".repeat(CELLS - full)} ${percents.padStart(5)}`,
    );
  };

  show(0);
  return {
    at: (share) => {
      if (now() - shown < interval) return;
      shown = now();
      show(share);
    },
    done: () => {
      if (terminal) screen.write(`\r${" ".repeat(title.length + CELLS + 8)}\r`);
    },
  };
}
