import { close, serveLoopback } from "./loopback.ts";

/** A TCP proxy that cuts connections in the middle of requests. */
export interface RequestCutter extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Number of bytes of requests that went through. */
  readonly passed: () => number;
  /** Waits until so many bytes of requests went through. */
  readonly reached: (bytes: number) => Promise<void>;
  /** Number of connections that were cut. */
  readonly cuts: () => number;
}

/** Starts a proxy in front of a port of loopback. It cuts each connection after `every` bytes of requests, and `most` connections in all. */
export function cutRequests(port: number, every: number, most: number = Infinity): RequestCutter {
  let [passed, cuts] = [0, 0];
  const waiting: { readonly bytes: number; readonly resolve: () => void }[] = [];
  const serve = async (client: Deno.Conn) => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    const answering = (async () => {
      const buffer = new Uint8Array(64 * 1024);
      for (;;) {
        const count = await server.read(buffer);
        if (count === null) return;
        await writeAll(client, buffer.subarray(0, count));
      }
    })().catch(() => {}).finally(() => close(client));
    let left = every;
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (;;) {
        const count = await client.read(buffer.subarray(0, Math.min(buffer.length, left)));
        if (count === null) break;
        await writeAll(server, buffer.subarray(0, count));
        passed += count;
        for (const { bytes, resolve } of waiting) if (passed >= bytes) resolve();
        left -= count;
        if (left > 0) continue;
        if (cuts >= most) {
          left = Infinity;
          continue;
        }
        cuts++;
        break;
      }
    } catch {
      // Either side is gone.
    }
    close(client);
    close(server);
    await answering;
  };
  const listener = serveLoopback(serve);
  return {
    host: `127.0.0.1:${listener.port}`,
    passed: () => passed,
    async reached(bytes): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ bytes, resolve });
      if (passed >= bytes) resolve();
      await promise;
    },
    cuts: () => cuts,
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}
