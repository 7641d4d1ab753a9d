import type { LoadOptions } from "../image/mod.ts";
import type { Pool } from "../pool/mod.ts";

/** Options of {@linkcode serveRegistry}. */
export interface ServeRegistryOptions
  extends Pick<LoadOptions, "policy" | "limits" | "streamLimits" | "inflater" | "ociLimits"> {
  /** Where to listen; `127.0.0.1` when absent. Any other address than one of loopback needs `anyAddress`. */
  readonly hostname?: string;
  /** Port; one that the kernel chooses when absent or 0. */
  readonly port?: number;
  /** Listens on addresses that other machines reach, and answers under any name. There is no authentication. */
  readonly anyAddress?: boolean;
  /** Takes nothing: PUT, POST, PATCH and DELETE are refused. */
  readonly readOnly?: boolean;
  /** Runs the layer jobs; one of its own (ended afterwards) when absent. */
  readonly pool?: Pool;
  /** ms without use after which an upload, or a blob that no manifest named, is dropped; an hour when absent. */
  readonly uploadLifetime?: number;
  /** Most bytes of an uploaded blob; 64 GiB when absent. */
  readonly maxBlobBytes?: number;
  /** ms that the headers of a request may take; 10,000 when absent. */
  readonly headersTimeout?: number;
  /** ms without a byte after which a body, in or out, is given up; 60,000 when absent. */
  readonly idleTimeout?: number;
  /** Ends the server. */
  readonly signal?: AbortSignal;
  /** Called for what is wrong with the server or the store, not with a request. */
  readonly onError?: (error: unknown) => void;
}

/** A registry that runs. Dispose it: that ends all connections and drops what no manifest named. */
export interface RegistryServer extends AsyncDisposable {
  /** `http://127.0.0.1:5000`. */
  readonly url: string;
  /** Where it listens. */
  readonly hostname: string;
  /** Port. */
  readonly port: number;
  /** Settles when it has ended. */
  readonly finished: Promise<void>;
}
