import { basicAuthorization } from "../basic_auth.ts";
import { Relay, writeAll } from "./relay.ts";

/**
 * A relay on loopback to a proxy that wants a password. Deno sends the password of a proxy also to the
 * server behind the tunnel, in a header of each request. So Deno is given a password that only this
 * relay takes, and the relay gives the real one to the proxy.
 *
 * It forwards tunnels only (RFC 9110, CONNECT). Dispose to end its connections.
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

/** Copies all bytes of one side to the other, then ends the other side. */
async function forward(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, count));
  }
  await to.closeWrite();
}
