/**
 * Makes package-lock.json installable by `npm ci` on every platform and on Node 20. Run it after every `npm install`.
 *
 * - `npm install` leaves out the lock entry of an optional platform build that the registry does not offer, and `npm ci`
 *   then refuses the lock as incomplete. Each missing build gets a stub: version and platform, no integrity.
 * - Hardhat's EDR declares Node 22 or later, so that `npm ci` under Node 20 would skip it without a word, although our
 *   scripts run under the Node 24 that is installed beside it. Its `engines` entries are dropped.
 */
import { readFileSync, writeFileSync } from "node:fs";

const LOCK = "package-lock.json";
const LIBC = { gnu: "glibc", gnueabihf: "glibc", musl: "musl", musleabihf: "musl" };
const PLATFORM =
  /-(?<os>aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-(?<cpu>[a-z0-9]+)(?:-(?<abi>\w+))?$/;

/** The platform build's lock entry, as far as its name tells it. */
function stubOf(name, version, dev) {
  const platform = PLATFORM.exec(name)?.groups;
  if (!platform || !/^\d+\.\d+\.\d+/.test(version)) {
    throw new Error(
      `${name}@${version} has no lock entry and is no exact platform build: add it to ${LOCK} by hand.`,
    );
  }
  const { os, cpu, abi } = platform;
  const libc = os === "linux" && abi ? { libc: [LIBC[abi] ?? abi] } : {};
  return { version, cpu: [cpu], ...(dev && { dev }), ...libc, optional: true, os: [os] };
}

/** Whether `name`, required by the package at `path`, is found there or in a folder above, as Node would look it up. */
function isLocked(packages, path, name) {
  for (
    let folder = path;
    ;
    folder = folder.slice(0, Math.max(folder.lastIndexOf("/node_modules/"), 0))
  ) {
    if (`${folder && `${folder}/`}node_modules/${name}` in packages) return true;
    if (folder === "") return false;
  }
}

const lock = JSON.parse(readFileSync(LOCK, "utf8"));
const { packages } = lock;
let stubs = 0;

for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(packages, path, name)) continue;
    packages[`node_modules/${name}`] = stubOf(name, version, entry.dev);
    stubs += 1;
  }
  if (/(^|\/)@nomicfoundation\/edr(-[^/]+)?$/.test(path)) delete entry.engines;
}

lock.packages = Object.fromEntries(
  Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")),
);
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${LOCK}: ${stubs} platform builds added.`);
