/** Who may do what when several keepers share a database: each thing is one keeper's for some seconds. */
export interface Leases {
  /** This keeper: a name and what tells this run of it from others. */
  readonly holder: string;
  /**
   * Takes things, or holds them for longer.
   *
   * @param keys What: "liquidate 0x…", "checkpoint".
   * @param seconds For how long from now, by the database's clock.
   * @returns Those of them that are this keeper's now.
   */
  take(keys: readonly string[], seconds: number): Promise<ReadonlySet<string>>;
  /** Gives back what it holds of these. */
  release(keys: readonly string[]): Promise<void>;
}
