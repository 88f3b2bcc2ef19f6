import type { LookupAddress } from "node:dns";
import { Resolver } from "node:dns/promises";
import { BlockList, isIP, isIPv6, type LookupFunction } from "node:net";

/** Which machines a stranger may make this one talk to. */

const IPV4_INSIDE: readonly [network: string, prefix: number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  // Multicast, reserved and broadcast.
  ["224.0.0.0", 3],
];

/** Of IPv6 only 2000::/3 is the public network; inside it, what is for documentation, or wraps an IPv4 address. */
const IPV6_INSIDE: readonly [network: string, prefix: number][] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const inside = new BlockList();
const outside = new BlockList();
for (const [network, prefix] of IPV4_INSIDE) inside.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of IPV6_INSIDE) inside.addSubnet(network, prefix, "ipv6");
outside.addSubnet("2000::", 3, "ipv6");

/** A name leads to a machine of this machine's own network. */
export class PrivateAddress extends Error {
  override readonly name = "PrivateAddress";

  constructor(
    readonly host: string,
    readonly address: string,
  ) {
    super(`${host} is at ${address}, which is not on the public network: use an address that is`);
  }
}

/** Whether an IP address is on the public network. */
export function isPublicAddress(address: string): boolean {
  if (isIPv6(address)) {
    return outside.check(address, "ipv6") && !inside.check(address, "ipv6");
  }
  return isIP(address) === 4 && !inside.check(address, "ipv4");
}

/**
 * Asks name servers itself. The system's resolver has four threads, which it shares with everything else that waits: names
 * whose servers never answer would keep this machine from its nodes.
 */
const resolver = new Resolver({ timeout: 2_000, tries: 2 });

async function addressesOf(host: string): Promise<LookupAddress[]> {
  const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const found = [
    ...(four.status === "fulfilled" ? four.value.map((address) => ({ address, family: 4 })) : []),
    ...(six.status === "fulfilled" ? six.value.map((address) => ({ address, family: 6 })) : []),
  ];
  if (found.length === 0 && four.status === "rejected") throw four.reason;
  return found;
}

/** Whether a name can be one of the public network: what has no dot is of this machine, or of the network around it. */
function isPublicName(host: string): boolean {
  return /[^.]\.[^.]/.test(host) && !/\.localhost\.?$/i.test(host);
}

/**
 * Resolves a name for a connection, and fails when any of its addresses is not public: what is checked is what is connected
 * to, so a name that resolves to something else the next time gains nothing.
 */
export const publicLookup: LookupFunction = (host, options, done) => {
  publicAddressesOf(host).then(
    (found) => {
      if (options.all === true) done(null, [...found]);
      else done(null, found[0].address, found[0].family);
    },
    (error: unknown) => {
      done(error as NodeJS.ErrnoException, "");
    },
  );
};

async function publicAddressesOf(host: string): Promise<[LookupAddress, ...LookupAddress[]]> {
  const found = isPublicName(host) ? await addressesOf(host) : [];
  const hidden = found.find(({ address }) => !isPublicAddress(address));
  const [first, ...others] = found;
  if (hidden !== undefined || first === undefined) {
    throw new PrivateAddress(host, hidden?.address ?? "no public address");
  }
  return [first, ...others];
}

/**
 * Checks a host that is an address: such a one is never looked up when it is connected to.
 *
 * @returns Whether it is one.
 * @throws PrivateAddress when it is one that is not public.
 */
export function requirePublicLiteral(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) === 0) return false;
  if (!isPublicAddress(host)) throw new PrivateAddress(host, host);
  return true;
}

/**
 * Checks a host as a webhook would: all addresses of a name, or the address that it is.
 *
 * @throws PrivateAddress when one of them is not public; the resolver's error when there is none.
 */
export async function requirePublicHost(hostname: string): Promise<void> {
  if (requirePublicLiteral(hostname)) return;
  await publicAddressesOf(hostname);
}
