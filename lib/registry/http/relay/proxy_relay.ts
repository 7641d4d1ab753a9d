import { Relay, writeAll } from "./relay.ts";

/**
 * A relay on loopback to a proxy that wants a password. Deno sends a proxy's password to whoever is
 * behind its tunnel as well, in a header of each request: what it knows is the relay's own, which is of
 * no use elsewhere, and the relay tells the proxy the right one.
 *
 * It forwards requests for tunnels alone (RFC 9110, CONNECT). Dispose it: its connections end.
 */
export class ProxyRelay implements Disposable {
  /** What is to be used as the proxy. */
  readonly url: string;
  readonly #relay: Relay;

  /** `proxy` is an `http:` address with a user. */
  constructor(proxy: URL) {
    const secret = crypto.randomUUID();
    const own = basic("relay", secret);
    const right = basic(decodeURIComponent(proxy.username), decodeURIComponent(proxy.password));
    this.#relay = new Relay(proxy, async (client, head, connect) => {
      if (!head.startsWith("CONNECT ") || !head.includes(own)) return;
      const server = await connect();
      await writeAll(server, new TextEncoder().encode(head.replace(own, () => right)));
      await Promise.all([forward(client, server), forward(server, client)]);
    });
    this.url = `http://relay:${secret}@${this.#relay.host}`;
  }

  [Symbol.dispose](): void {
    this.#relay[Symbol.dispose]();
  }
}

function basic(username: string, password: string): string {
  let text = "";
  for (const byte of new TextEncoder().encode(`${username}:${password}`)) {
    text += String.fromCharCode(byte);
  }
  return `Basic ${btoa(text)}`;
}

/** All bytes of one side to the other, and then its end. */
async function forward(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, count));
  }
  await to.closeWrite();
}
