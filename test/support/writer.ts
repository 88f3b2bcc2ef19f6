/**
 * A process to be killed: `writer.ts SETTING NAME`. It writes pairs of rows, each pair in a transaction, and says the number of
 * each when it was told that it is kept. Started without a compiler, so it imports nothing but the storage.
 */
import { writeSync } from "node:fs";
import { openDatabase } from "../../keeper/storage/openDatabase.js";

const [setting = "", name = ""] = process.argv.slice(2);
const database = openDatabase(setting);
const [row] = await database.query("SELECT MAX(number) AS last FROM pairs WHERE writer = $1", [
  name,
]);
for (let number = Number(row?.last ?? 0) + 1; ; ++number) {
  await database.transaction(async (inside) => {
    for (const half of [1, 2]) {
      const sql = "INSERT INTO pairs (writer, number, half) VALUES ($1, $2, $3)";
      await inside.query(sql, [name, number, half]);
    }
  });
  say(`${number}\n`);
}

/** Whoever listens may be late: then the pipe is full, and one waits. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
