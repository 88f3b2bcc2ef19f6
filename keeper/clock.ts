/** Time as a keeper knows it; tests give one that they move. */
export interface Clock {
  /** [unix milliseconds] */
  now(): number;
  /** Resolves after so long, or as soon as the signal is aborted [milliseconds]. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's. */
export const systemClock: Clock = {
  now: Date.now,
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal?.addEventListener("abort", done);
      if (signal?.aborted) done();
    }),
};
