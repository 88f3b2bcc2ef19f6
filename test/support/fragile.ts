import { type Database, StorageFailure } from "../../keeper/storage/database.js";

/** What can be done to a database before and after its statements. */
export interface Fault {
  /** Called before each statement, and before a transaction would be kept. */
  readonly before?: () => void;
  /** Called when a transaction has been kept, before that is said. */
  readonly afterKept?: () => void;
}

/** The same database, in whose way something comes now and then. */
export function fragile(database: Database, { afterKept, before }: Fault): Database {
  const wrapped = (one: Database, isOuter: boolean): Database => ({
    engine: one.engine,
    query(sql, values) {
      return asked(() => one.query(sql, values));
    },
    async transaction(act) {
      const result = await one.transaction(async (inside) => {
        const done = await act(wrapped(inside, false));
        before?.();
        return done;
      });
      if (isOuter) afterKept?.();
      return result;
    },
    close: () => one.close(),
  });
  const asked = async <T>(act: () => Promise<T>): Promise<T> => {
    before?.();
    return await act();
  };
  return wrapped(database, true);
}

/** Like the death of the process: after so many steps nothing is done any more. */
export function dyingAfter(database: Database, steps: number): Database {
  let left = steps;
  const step = (): void => {
    if (left-- <= 0) throw new StorageFailure("The process is dead");
  };
  return fragile(database, { before: step, afterKept: step });
}
