import { readHead, writeAll } from "./raw_connection.ts";

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
  readonly #proxy: URL;
  readonly #listener: Deno.Listener;
  readonly #own: string;
  readonly #open = new Set<Deno.Conn>();

  /** `proxy` is an `http:` address with a user. */
  constructor(proxy: URL) {
    this.#proxy = proxy;
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listener = listener;
    const secret = crypto.randomUUID();
    this.#own = basic("relay", secret);
    this.url = `http://relay:${secret}@127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
    void this.#accept();
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) void this.#serve(client);
    } catch {
      // No more can be accepted: whoever asks is told that nobody is there.
    }
  }

  async #serve(client: Deno.Conn): Promise<void> {
    this.#open.add(client);
    let proxy: Deno.Conn | undefined;
    try {
      const head = await readHead(client);
      if (!head.startsWith("CONNECT ") || !head.includes(this.#own)) return;
      const { hostname, port, username, password } = this.#proxy;
      proxy = await Deno.connect({
        hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
        port: Number(port || 80),
      });
      this.#open.add(proxy);
      const right = basic(decodeURIComponent(username), decodeURIComponent(password));
      await writeAll(proxy, new TextEncoder().encode(head.replace(this.#own, () => right)));
      await Promise.all([forward(client, proxy), forward(proxy, client)]);
    } catch {
      // Either side is gone: the other sees its connection end.
    } finally {
      for (const side of [client, proxy]) if (side !== undefined) this.#close(side);
    }
  }

  #close(side: Deno.Conn): void {
    if (this.#open.delete(side)) side.close();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const side of [...this.#open]) this.#close(side);
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
