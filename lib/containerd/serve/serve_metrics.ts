import { VarveError } from "../../errors.ts";
import { fileError } from "../../linux/mod.ts";

/** An address to listen on. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** A running server of metrics. */
export interface MetricsServer extends AsyncDisposable {
  readonly url: string;
}

/** Content type of Prometheus' text format. */
const TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Serves metrics at `/metrics`, on loopback only: they tell names of no image, but they need no password either.
 *
 * @throws {VarveError} `E_USAGE` the address is not of this machine alone · `E_BUSY` another process listens there
 */
export function serveMetrics(address: Address, text: () => string): MetricsServer {
  const { hostname, port } = address;
  const shown = `${host(hostname)}:${port}`;
  if (!isLoopback(hostname)) {
    throw new VarveError(
      "E_USAGE",
      `Cannot serve metrics on ${shown}: it is no address of loopback, so other machines may reach it`,
      { subject: shown, hint: "choose an address of loopback, such as 127.0.0.1" },
    );
  }
  try {
    const server = Deno.serve({ hostname, port, onListen: () => {} }, (request) => {
      const isAsked = new URL(request.url).pathname === "/metrics" && request.method === "GET";
      if (!isAsked) return new Response("not found\n", { status: 404 });
      return new Response(text(), { headers: { "content-type": TYPE } });
    });
    return {
      url: `http://${host(hostname)}:${server.addr.port}/metrics`,
      [Symbol.asyncDispose]: () => server.shutdown(),
    };
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) {
      throw fileError(error, `serve metrics on ${shown}`);
    }
    throw new VarveError(
      "E_BUSY",
      `Cannot serve metrics on ${shown}: another process listens there`,
      { subject: shown },
      { cause: error },
    );
  }
}

function host(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    (/^127(?:\.[0-9]{1,3}){3}$/.test(hostname) &&
      hostname.split(".").every((octet) => Number(octet) <= 255));
}
