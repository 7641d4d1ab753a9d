import { basicAuthorization } from "../basic_auth.ts";
import { Relay, writeAll } from "./relay.ts";

/**
 * A relay on loopback to a proxy that requires a password. Deno would send the password of a proxy
 * to the server behind the tunnel too, in a header of each request. So Deno gets a password that
 * only this relay accepts, and the relay sends the real password to the proxy.
 *
 * It forwards only tunnels (RFC 9110, CONNECT). Dispose it to end its connections.
 */
export class ProxyRelay implements Disposable {
  /** The proxy address to give to `fetch`. */
  readonly url: string;
  readonly #relay: Relay;

  /** `proxy` is an `http:` address with a user. */
  constructor(proxy: URL) {
    const secret = crypto.randomUUID();
    const own = basicAuthorization("relay", secret);
    const real = basicAuthorization(
      decodeURIComponent(proxy.username),
      decodeURIComponent(proxy.password),
    );
    this.#relay = new Relay(proxy, async (client, head, connect) => {
      if (!head.startsWith("CONNECT ") || !head.includes(own)) return;
      const server = await connect();
      await writeAll(server, new TextEncoder().encode(head.replace(own, () => real)));
      await Promise.all([forward(client, server), forward(server, client)]);
    });
    this.url = `http://relay:${secret}@${this.#relay.host}`;
  }

  [Symbol.dispose](): void {
    this.#relay[Symbol.dispose]();
  }
}

/** Copies all bytes from one connection to the other, then ends the other connection's output. */
async function forward(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, count));
  }
  await to.closeWrite();
}
