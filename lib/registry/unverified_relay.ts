import type { Duplex } from "node:stream";
import { readHead, writeAll } from "./raw_connection.ts";

/** Bytes that are decrypted ahead of the reader: `node:tls` itself knows no bound. */
const MAX_AHEAD = 1024 * 1024;
/** Bytes of one read. */
const CHUNK_BYTES = 64 * 1024;

/**
 * A relay on loopback that speaks TLS to one origin and believes whatever certificate it shows
 * (containerd's `skip_verify`), for `fetch` itself cannot be told to. Whoever can stand between reads
 * and changes everything but what has a digest.
 *
 * Dispose it: its connections end.
 */
export class UnverifiedRelay implements Disposable {
  /** `http://127.0.0.1:PORT`: what is asked in place of the origin. */
  readonly origin: string;
  readonly #target: URL;
  readonly #listener: Deno.Listener;
  readonly #open = new Set<Deno.Conn>();

  /** `target` is an `https:` address. */
  constructor(target: URL) {
    this.#target = target;
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listener = listener;
    this.origin = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
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
    let server: Deno.Conn | undefined;
    try {
      const head = await readHead(client);
      if (head === "") return;
      const { host, port } = this.#target;
      const hostname = this.#target.hostname.replace(/^\[(.*)\]$/, "$1");
      server = await Deno.connect({ hostname, port: Number(port || 443) });
      this.#open.add(server);
      await join(client, server, { hostname, begin: directed(head, host) });
    } catch {
      // Either side is gone: the other sees its connection end.
    } finally {
      for (const side of [client, server]) if (side !== undefined) this.#close(side);
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

/** The request as the origin is to see it; one for each connection, for no other head is looked at. */
function directed(head: string, host: string): Uint8Array<ArrayBuffer> {
  const [first, ...lines] = head.trimEnd().split("\r\n");
  const others = lines.filter((line) => !/^(?:host|connection):/i.test(line));
  const text = [first, `host: ${host}`, "connection: close", ...others, "", ""].join("\r\n");
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Encrypts what the client sends and decrypts what the server answers, until either ends. */
async function join(
  client: Deno.Conn,
  server: Deno.Conn,
  { hostname, begin }: { readonly hostname: string; readonly begin: Uint8Array<ArrayBuffer> },
): Promise<void> {
  const [{ connect }, { Duplex }] = await Promise.all([
    import("node:tls"),
    import("node:stream"),
  ]);
  const ahead = new Ahead();
  const encrypted: Duplex = new Duplex({
    read() {
      ahead.room().then(() => read(server)).then(
        (bytes) => void encrypted.push(bytes),
        (error) => void encrypted.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      writeAll(server, chunk).then(() => done(), done);
    },
    final(done) {
      server.closeWrite().then(() => done(), done);
    },
  });
  const isAddress = /^[0-9.]+$|:/.test(hostname);
  const tls = connect({
    socket: encrypted,
    rejectUnauthorized: false,
    ...(isAddress ? {} : { servername: hostname }),
  });
  const answered = Promise.withResolvers<void>();
  let writing = Promise.resolve();
  tls.on("data", (chunk: Uint8Array) => {
    ahead.add(chunk.length);
    writing = writing.then(() => writeAll(client, chunk)).then(() => ahead.take(chunk.length));
    writing.catch(answered.reject);
  });
  tls.once("end", answered.resolve);
  tls.once("close", answered.resolve);
  // Later errors are of no interest, but one that nobody hears would end the program.
  for (const stream of [tls, encrypted]) stream.on("error", answered.reject);
  const asking = (async () => {
    let bytes: Uint8Array<ArrayBuffer> | null = begin;
    for (; bytes !== null; bytes = await read(client)) {
      const sent = bytes;
      await new Promise<void>((done, fail) =>
        tls.write(sent, (error) => error ? fail(error) : done())
      );
    }
    tls.end();
  })();
  try {
    await Promise.race([answered.promise, asking.then(() => answered.promise)]);
    await writing;
  } finally {
    tls.destroy();
    encrypted.destroy();
    ahead.end();
  }
}

/** How much was decrypted and is not written yet. */
class Ahead {
  #bytes = 0;
  #waiting: (() => void) | undefined;
  #ended = false;

  add(count: number): void {
    this.#bytes += count;
  }

  take(count: number): void {
    this.#bytes -= count;
    if (this.#bytes <= MAX_AHEAD) this.#waiting?.();
  }

  end(): void {
    this.#ended = true;
    this.#waiting?.();
  }

  async room(): Promise<void> {
    while (this.#bytes > MAX_AHEAD && !this.#ended) {
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
  }
}

async function read(from: Deno.Conn): Promise<Uint8Array<ArrayBuffer> | null> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  const count = await from.read(buffer);
  return count === null ? null : buffer.subarray(0, count);
}
