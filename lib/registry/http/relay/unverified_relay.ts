import type { Duplex } from "node:stream";
import { hostnameOf, Relay, writeAll } from "./relay.ts";

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
  readonly #relay: Relay;

  /** `target` is an `https:` address. */
  constructor(target: URL) {
    const hostname = hostnameOf(target.hostname);
    this.#relay = new Relay(target, async (client, head, connect) => {
      await join(client, await connect(), { hostname, begin: directed(head, target.host) });
    });
    this.origin = `http://${this.#relay.host}`;
  }

  [Symbol.dispose](): void {
    this.#relay[Symbol.dispose]();
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
