import { once } from "node:events";
import { createServer } from "node:net";
import type { KeeperConfig } from "../../config/schema.js";
import { type Check, findingsOf } from "./check.js";

const { ok, warning, wrong } = findingsOf("server");

/** Looks at the address of the server: that nobody has it yet. */
export async function checkPort({ host, port }: KeeperConfig["server"]): Promise<Check> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, "listening");
    return ok("port", port === 0 ? "any that is free" : `${host}:${port} is free`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      const cure = "If this keeper runs, all is well; otherwise give server.port another number.";
      return warning("port", `${host}:${port} is taken`, cure);
    }
    const cure = "Give server.host an address of this machine, and server.port one above 1023.";
    return wrong("port", `${host}:${port} cannot be had (${code ?? "unknown error"})`, cure);
  } finally {
    server.close();
  }
}
