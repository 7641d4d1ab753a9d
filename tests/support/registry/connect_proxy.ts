import { serveLoopback } from "./loopback.ts";

/** A proxy for TLS (RFC 9110, CONNECT). It takes every name for loopback, and records what it gets in the clear. */
export interface ConnectProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The heads of all requests. */
  readonly heads: readonly string[];
}

/** Starts a proxy. */
export function connectProxy(): ConnectProxy {
  const heads: string[] = [];
  const serve = async (client: Deno.Conn) => {
    const head = await readHead(client);
    heads.push(head);
    const port = /^CONNECT [^ ]+:([0-9]+) HTTP/.exec(head)?.[1];
    if (port === undefined) return client.close();
    const server = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })
      .catch(() => client.close());
    if (server === undefined) return;
    await client.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
    await Promise.allSettled([
      client.readable.pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]);
  };
  const listener = serveLoopback(serve);
  return {
    host: `127.0.0.1:${listener.port}`,
    heads,
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

async function readHead(client: Deno.Conn): Promise<string> {
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n") && await client.read(byte) !== null) {
    head += String.fromCharCode(byte[0] as number);
  }
  return head;
}
