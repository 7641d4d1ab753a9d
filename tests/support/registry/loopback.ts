/** A listener on loopback that serves all who come. */
export interface Loopback extends AsyncDisposable {
  /** Its port of 127.0.0.1. */
  readonly port: number;
}

/** Serves each connection until it is disposed, which waits for those that are served. */
export function serveLoopback(serve: (client: Deno.Conn) => Promise<void>): Loopback {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const client of listener) {
      const one = serve(client).finally(() => running.delete(one));
      running.add(one);
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await accepting;
      await Promise.all(running);
    },
  };
}
