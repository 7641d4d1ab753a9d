/**
 * The 32 or 128 bits of an IP address, as a text of the digits 0 and 1. IPv6 may have brackets.
 * `undefined` for a name.
 */
export function bitsOf(host: string): string | undefined {
  if (!host.includes(":")) {
    const parts = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(host) ? host.split(".").map(Number) : [];
    return parts.length > 0 && parts.every((part) => part <= 255) ? bits(parts, 8) : undefined;
  }
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const short = /^[0-9a-f:.]+$/.test(bare) ? URL.parse(`http://[${bare}]`)?.hostname : undefined;
  if (short === undefined) return undefined;
  const [head = [], tail = []] = short.slice(1, -1).split("::").map((side) =>
    side === "" ? [] : side.split(":").map((group) => parseInt(group, 16))
  );
  const zeros = Array<number>(8 - head.length - tail.length).fill(0);
  return bits([...head, ...zeros, ...tail], 16);
}

/**
 * Whether the first `length` bits of an address are equal to those of `network`. Both are texts
 * from {@linkcode bitsOf}.
 */
export function inNetwork(
  address: string | undefined,
  network: string | undefined,
  length: number,
): boolean {
  if (address === undefined || network?.length !== address.length) return false;
  return length <= network.length && address.startsWith(network.slice(0, length));
}

function bits(parts: readonly number[], width: number): string {
  return parts.map((part) => part.toString(2).padStart(width, "0")).join("");
}

/**
 * IPv4 networks that are not public (IANA, special-purpose address registry), including multicast
 * and reserved networks.
 */
const INTERNAL_4: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/**
 * IPv6 networks that are not public. They include the networks of mapped IPv4 addresses (`::/96`,
 * `::ffff:0:0/96`), because no server needs these.
 */
const INTERNAL_6: readonly string[] = [
  "::/96",
  "::ffff:0:0/96",
  "64:ff9b:1::/48",
  "100::/64",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];

/** IPv6 networks that embed an IPv4 address after their prefix: NAT64 and 6to4. */
const EMBEDDING: readonly string[] = ["64:ff9b::/96", "2002::/16"];

/**
 * Whether an IP address does not belong to the public internet: private, loopback, link-local,
 * unspecified, mapped, multicast, reserved. A text that is not an IP address counts as internal
 * too.
 */
export function isInternalAddress(address: string): boolean {
  const own = bitsOf(address);
  if (own === undefined) return true;
  if (own.length === 32) return isIn(INTERNAL_4, own);
  const embedding = networks(EMBEDDING).find(({ bits, length }) => inNetwork(own, bits, length));
  if (embedding !== undefined) {
    return isIn(INTERNAL_4, own.slice(embedding.length, embedding.length + 32));
  }
  return isIn(INTERNAL_6, own);
}

interface Network {
  readonly bits: string;
  readonly length: number;
}

const read = new Map<readonly string[], readonly Network[]>();

/** Reads a list once, when it is first needed: each start loads this file, and few look at an address. */
function networks(texts: readonly string[]): readonly Network[] {
  const known = read.get(texts) ?? texts.map((text) => {
    const [address = "", length] = text.split("/");
    return { bits: bitsOf(address) ?? "", length: Number(length) };
  });
  read.set(texts, known);
  return known;
}

function isIn(list: readonly string[], address: string): boolean {
  return networks(list).some(({ bits, length }) => inNetwork(address, bits, length));
}
