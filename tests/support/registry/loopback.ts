/** A listener on loopback. */
export interface Loopback extends AsyncDisposable {
  /** Its port of 127.0.0.1. */
  readonly port: number;
}

/**
 * Serves each connection until it is disposed. Dispose waits for the connections that are open, and
 * throws what `serve` failed with; that a peer ends its connection is no failure.
 */
export function serveLoopback(serve: (client: Deno.Conn) => Promise<void>): Loopback {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const run = async (client: Deno.Conn) => {
    try {
      await serve(client);
    } catch (error) {
      if (!PEER_IS_GONE.some((kind) => error instanceof kind)) failures.push(error);
      close(client);
    }
  };
  const accepting = (async () => {
    for await (const client of listener) {
      const one = run(client).finally(() => running.delete(one));
      running.add(one);
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await accepting;
      await Promise.all(running);
      if (failures.length > 0) throw failures[0];
    },
  };
}

const PEER_IS_GONE = [
  Deno.errors.BadResource,
  Deno.errors.BrokenPipe,
  Deno.errors.ConnectionAborted,
  Deno.errors.ConnectionRefused,
  Deno.errors.ConnectionReset,
  Deno.errors.NotConnected,
];

/** Closes a connection that may be closed already. */
export function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}
