import { requirePermissions } from "../../linux/mod.ts";
import type { ClientConfig, Endpoint } from "../contract.ts";
import { bitsOf, isInternalAddress } from "./ip_address.ts";
import { isLoopback } from "./loopback.ts";
import { proxyFor } from "./proxy.ts";
import { bareHostname } from "./relay/relay.ts";
import { NetworkFailure, registryError } from "./registry_error.ts";

/** Finds and judges addresses. Tests replace it. */
export interface Addresses {
  /** The IP addresses of a name, in the order in which to try them. Throws as `node:dns` does. */
  resolve(hostname: string): Promise<readonly string[]>;
  /** Whether an IP address does not belong to the public internet. */
  isInternal(address: string): boolean;
}

/** The system's resolver, and the networks of {@linkcode isInternalAddress}. */
export const SYSTEM_ADDRESSES: Addresses = {
  async resolve(hostname) {
    const { lookup } = await import("node:dns/promises");
    // IPv4 first, because the addresses are tried one after the other, and a broken IPv6 connection
    // takes long to fail.
    const found = await lookup(hostname, { all: true, order: "ipv4first" });
    return found.map(({ address }) => address);
  },
  isInternal: isInternalAddress,
};

/** Milliseconds for which the addresses of a name are cached. */
const KEPT_FOR = 60_000;

/**
 * The rule for addresses that an attacker may have chosen: the targets of redirects, token realms
 * and links. It keeps a public registry from making this machine send requests to servers that only
 * this machine can reach: the metadata service of a cloud (169.254.169.254), services on loopback,
 * machines of a private network.
 *
 * An address passes when
 * - it has the origin of the endpoint that is used, or hosts.toml names its origin (as `server`,
 *   `[host]`, in `token_realms` or in `redirects`), or
 * - all addresses that its host resolves to are public, or
 * - the endpoint whose response contained it is itself at an address that is not public.
 *
 * The connection is then made to one of the addresses that were judged. The name is not looked up a
 * second time, so a DNS server gains nothing by changing its answer.
 *
 * Not covered:
 * - A proxy looks up names itself, and connects to any address that it can reach. Then only a host
 *   that is written as an IP address is judged.
 * - Names that the user gave (the registry itself, hosts.toml) are looked up by `fetch`, and are
 *   not judged. The owner of a registry's DNS can point its name to any address anyway.
 * - If Deno may connect only to named hosts (`--allow-net=HOST`), the address is judged, but
 *   `fetch` looks the name up again.
 */
export class AddressRule {
  readonly #config: ClientConfig;
  readonly #addresses: Addresses;
  readonly #found = new Map<string, { readonly until: number; readonly list: readonly string[] }>();

  constructor(config: ClientConfig, addresses: Addresses = SYSTEM_ADDRESSES) {
    this.#config = config;
    this.#addresses = addresses;
  }

  /**
   * The IP addresses to connect to for `url`, in order; `null` when `fetch` looks the name up
   * itself.
   *
   * @param asker the endpoint that is used, or whose response contained `url`
   * @throws {VarveError} `E_REGISTRY` when the rule refuses the address, or its name cannot be
   * resolved
   */
  async route(url: URL, asker: Endpoint, action: string): Promise<readonly string[] | null> {
    if (url.origin === asker.origin || this.#isNamed(url.origin, asker)) return null;
    const isProxied = proxyFor(url, this.#config.proxies) !== null;
    if (isProxied && bitsOf(url.hostname) === undefined) return null;
    const host = bareHostname(url.hostname);
    const list = isLocalName(url.hostname) ? null : await this.#resolve(url, action);
    const internal = list === null ? host : list.find((one) => this.#addresses.isInternal(one));
    if (internal !== undefined && !await this.#isInternal(asker, action)) {
      const what = internal === host
        ? `${host}, which is no public address`
        : `${host}, whose address ${internal} is not public`;
      throw registryError(
        action,
        `${asker.origin} leads to ${what}`,
        { hint: `if that is meant, hosts.toml must have redirects = ["${url.origin}"]` },
      );
    }
    return isProxied ? null : list;
  }

  #isNamed(origin: string, { realms, redirects = [] }: Endpoint): boolean {
    return realms.includes(origin) || redirects.includes(origin) ||
      this.#config.endpoints.some((endpoint) => endpoint.origin === origin);
  }

  /** Whether none of the endpoint's own addresses is public. */
  async #isInternal({ origin }: Endpoint, action: string): Promise<boolean> {
    const url = new URL(origin);
    if (isLocalName(url.hostname)) return true;
    if (bitsOf(url.hostname) === undefined && proxyFor(url, this.#config.proxies) !== null) {
      return false;
    }
    const list = await this.#resolve(url, action);
    return list.every((address) => this.#addresses.isInternal(address));
  }

  async #resolve({ hostname, host, origin }: URL, action: string): Promise<readonly string[]> {
    if (bitsOf(hostname) !== undefined) return [bareHostname(hostname)];
    const found = this.#found.get(host);
    if (found !== undefined && performance.now() < found.until) return found.list;
    let list: readonly string[];
    try {
      list = await this.#addresses.resolve(hostname);
    } catch (error) {
      const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
      if (code === "EAI_AGAIN") {
        throw new NetworkFailure(action, `${origin}: the DNS lookup of its name failed`);
      }
      // `node:dns` reports a missing Deno permission with this code.
      if (code === "EPERM") requirePermissions(action, [{ name: "net", host: hostname }]);
      throw registryError(action, `${origin}: its name is not known to the DNS`);
    }
    if (list.length === 0) throw registryError(action, `${origin}: its name has no address`);
    this.#found.set(host, { until: performance.now() + KEPT_FOR, list });
    return list;
  }
}

/** Whether a name means this machine, whatever the DNS says (RFC 6761, 6.3). */
function isLocalName(hostname: string): boolean {
  return isLoopback(hostname) && bitsOf(hostname) === undefined;
}
