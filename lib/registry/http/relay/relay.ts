/** Maximum length of a request's head in bytes. */
const MAX_HEAD = 64 * 1024;

/** Serves one connection; `connect` opens the connection to the target, and is called at most once. */
type Serve = (
  client: Deno.Conn,
  head: string,
  connect: () => Promise<Deno.Conn>,
) => Promise<void>;

/**
 * A server on loopback between `fetch` and a target that `fetch` cannot reach in the required way.
 * Dispose it to end its connections.
 */
export class Relay implements Disposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly #listener: Deno.Listener;
  readonly #serve: Serve;
  readonly #target: Deno.ConnectOptions;
  readonly #open = new Set<Deno.Conn>();

  /**
   * `serve` is called with each connection and the head of its first request. When it ends, both
   * sides are closed.
   */
  constructor({ hostname, port, protocol }: URL, serve: Serve) {
    this.#serve = serve;
    this.#target = {
      hostname: bareHostname(hostname),
      port: Number(port || (protocol === "https:" ? 443 : 80)),
    };
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listener = listener;
    this.host = `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
    void this.#accept();
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) void this.#relay(client);
    } catch {
      // Ignored: the listener cannot accept more, so further connections are refused.
    }
  }

  async #relay(client: Deno.Conn): Promise<void> {
    const sides = [client];
    this.#open.add(client);
    try {
      const head = await readHead(client);
      if (head === "") return;
      await this.#serve(client, head, async () => {
        const target = await Deno.connect(this.#target);
        this.#open.add(target);
        sides.push(target);
        return target;
      });
    } catch {
      // Ignored: one side broke, and the other side sees its connection end.
    } finally {
      for (const side of sides) this.#close(side);
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

/** A host in the form for sockets: an IPv6 address loses its brackets. */
export function bareHostname(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/**
 * The head of a request, up to its empty line; `""` when the connection ends before that, or the head
 * is too long.
 *
 * It reads one byte at a time, so that no byte after the head is consumed.
 */
async function readHead(client: Deno.Conn): Promise<string> {
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n")) {
    if (head.length >= MAX_HEAD || await client.read(byte) === null) return "";
    head += String.fromCharCode(byte[0] as number);
  }
  return head;
}

/** Writes all bytes, because `Deno.Conn.write` may write only a part. */
export async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}
