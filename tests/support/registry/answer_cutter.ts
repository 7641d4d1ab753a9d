import { close, serveLoopback } from "./loopback.ts";

/** A TCP proxy that cuts connections in the middle of answers. */
export interface CuttingProxy extends AsyncDisposable {
  /** `localhost:PORT`. */
  readonly host: string;
  /** Number of bytes of answers that went through. */
  readonly passed: () => number;
  /** Number of connections that were cut. */
  readonly cuts: () => number;
}

/** Starts a proxy in front of a port of loopback. It cuts each connection after `every` bytes of answers. */
export function cuttingProxy(port: number, every: number): CuttingProxy {
  let [passed, cuts] = [0, 0];
  const serve = async (client: Deno.Conn) => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    const asking = client.readable.pipeTo(server.writable).catch(() => {});
    let left = every;
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (;;) {
        const count = await server.read(buffer.subarray(0, Math.min(buffer.length, left)));
        if (count === null) break;
        for (let at = 0; at < count;) at += await client.write(buffer.subarray(at, count));
        passed += count;
        left -= count;
        if (left > 0) continue;
        cuts++;
        break;
      }
    } catch {
      // Either side is gone.
    }
    for (const side of [client, server]) close(side);
    await asking;
  };
  const listener = serveLoopback(serve);
  return {
    host: `localhost:${listener.port}`,
    passed: () => passed,
    cuts: () => cuts,
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}
