import type { Duplex } from "node:stream";
import { bareHostname, Relay, writeAll } from "./relay.ts";

/** Maximum bytes that are decrypted ahead of the reader. `node:tls` itself has no bound. */
const MAX_AHEAD = 1024 * 1024;
/** Maximum bytes of one read. */
const CHUNK_BYTES = 64 * 1024;

/**
 * A relay on loopback that speaks TLS to one origin and accepts any certificate (containerd's
 * `skip_verify`), because `fetch` has no option for that. An attacker in the middle can read
 * everything, and change everything that has no digest.
 *
 * Dispose it to end its connections.
 */
export class UnverifiedRelay implements Disposable {
  /** The address to use in place of the origin: `http://127.0.0.1:PORT`. */
  readonly origin: string;
  readonly #relay: Relay;

  /** `target` is an `https:` address. */
  constructor(target: URL) {
    const hostname = bareHostname(target.hostname);
    this.#relay = new Relay(target, async (client, head, connect) => {
      const request = rewriteHead(head, target.host);
      await relayTls(client, await connect(), { hostname, request });
    });
    this.origin = `http://${this.#relay.host}`;
  }

  [Symbol.dispose](): void {
    this.#relay[Symbol.dispose]();
  }
}

/**
 * Rewrites the head of a request for the origin. The connection carries only one request, because
 * the relay would not rewrite a second head.
 */
function rewriteHead(head: string, host: string): Uint8Array<ArrayBuffer> {
  const [first, ...lines] = head.trimEnd().split("\r\n");
  const others = lines.filter((line) => !/^(?:host|connection):/i.test(line));
  const text = [first, `host: ${host}`, "connection: close", ...others, "", ""].join("\r\n");
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Encrypts the client's bytes and decrypts the server's bytes, until the server ends or either side fails. */
async function relayTls(
  client: Deno.Conn,
  server: Deno.Conn,
  { hostname, request }: { readonly hostname: string; readonly request: Uint8Array<ArrayBuffer> },
): Promise<void> {
  const [{ connect }, { Duplex }] = await Promise.all([
    import("node:tls"),
    import("node:stream"),
  ]);
  const backlog = new Backlog();
  const encrypted: Duplex = new Duplex({
    read() {
      backlog.room().then(() => read(server)).then(
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
    backlog.add(chunk.length);
    writing = writing.then(() => writeAll(client, chunk)).then(() => backlog.take(chunk.length));
    writing.catch(answered.reject);
  });
  tls.once("end", answered.resolve);
  tls.once("close", answered.resolve);
  // An error without a listener would end the program. Later errors change nothing.
  for (const stream of [tls, encrypted]) stream.on("error", answered.reject);
  const sending = (async () => {
    let bytes: Uint8Array<ArrayBuffer> | null = request;
    for (; bytes !== null; bytes = await read(client)) {
      const sent = bytes;
      await new Promise<void>((done, fail) =>
        tls.write(sent, (error) => error ? fail(error) : done())
      );
    }
    tls.end();
  })();
  try {
    await Promise.race([answered.promise, sending.then(() => answered.promise)]);
    await writing;
  } finally {
    tls.destroy();
    encrypted.destroy();
    backlog.end();
  }
}

/** Counts the bytes that are decrypted but not yet written to the client. */
class Backlog {
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

  /** Waits until there is room for more bytes. */
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
