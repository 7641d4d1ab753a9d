import type { LoadOptions } from "../image/mod.ts";
import type { Pool } from "../pool/mod.ts";

/** Options of {@linkcode serveRegistry}. */
export interface ServeRegistryOptions
  extends Pick<LoadOptions, "policy" | "limits" | "streamLimits" | "inflater" | "ociLimits"> {
  /**
   * The address to listen on; `127.0.0.1` when absent. Any address but loopback needs `anyAddress`.
   */
  readonly hostname?: string | undefined;
  /** The port; when absent or 0, the kernel chooses a free one. */
  readonly port?: number | undefined;
  /**
   * Whether to allow an address that other machines reach, and to answer requests for any host
   * name. There is no authentication.
   */
  readonly anyAddress?: boolean | undefined;
  /** Whether to refuse PUT, POST, PATCH and DELETE. */
  readonly readOnly?: boolean | undefined;
  /** The pool that runs the layer jobs; when absent, the server makes one and ends it. */
  readonly pool?: Pool | undefined;
  /**
   * Milliseconds without use after which an upload, or an uploaded blob that no manifest names, is
   * dropped; an hour when absent. At least for this time a blob of the store stays, too, after a client
   * asked whether it is there.
   */
  readonly uploadLifetime?: number | undefined;
  /** Largest blob in bytes; 64 GiB when absent. */
  readonly maxBlobBytes?: number | undefined;
  /** Milliseconds that the headers of a request may take; 10,000 when absent. */
  readonly headersTimeout?: number | undefined;
  /** Milliseconds without a byte after which a body, sent or received, is given up; 60,000 when absent. */
  readonly idleTimeout?: number | undefined;
  /** Ends the server. */
  readonly signal?: AbortSignal | undefined;
  /** Called when a request has been answered, or its connection broke. */
  readonly onRequest?: ((request: ServedRequest) => void) | undefined;
  /**
   * Called with each error of the server or the store. It is not called when a client is at fault.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A request that a registry has answered. It holds no header and no query, and so no secret of a client. */
export interface ServedRequest {
  /** When the request arrived, in milliseconds since the epoch. */
  readonly time: number;
  /** Address and port of the client: `127.0.0.1:40312`. */
  readonly remote: string;
  /** The method in upper case. */
  readonly method: string;
  /** The path as the client sent it, without the query. It is at most 1,000 characters long. */
  readonly path: string;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** Bytes of the body that was received, or where there was none, of the one that was sent. */
  readonly bytes: number;
  /** Milliseconds from the request's headers to the end of the answer. */
  readonly ms: number;
  /** Whether the client got all of the answer. */
  readonly complete: boolean;
}

/**
 * A running registry. Dispose it to close all connections and to drop the uploads that no manifest
 * names.
 */
export interface RegistryServer extends AsyncDisposable {
  /** The address for clients: `http://127.0.0.1:5000`. */
  readonly url: string;
  /** The address that the server listens on. */
  readonly hostname: string;
  /** The port that the server listens on. */
  readonly port: number;
  /** Settles when the server has ended. */
  readonly finished: Promise<void>;
}
