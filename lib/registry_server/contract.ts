import type { LoadOptions } from "../image/mod.ts";
import type { Pool } from "../pool/mod.ts";

/** Options of {@linkcode serveRegistry}. */
export interface ServeRegistryOptions
  extends Pick<LoadOptions, "policy" | "limits" | "streamLimits" | "inflater" | "ociLimits"> {
  /** Where to listen; `127.0.0.1` when absent. Any other address than one of loopback needs `anyAddress`. */
  readonly hostname?: string | undefined;
  /** Port; one that the kernel chooses when absent or 0. */
  readonly port?: number | undefined;
  /** Listens on addresses that other machines reach, and answers under any name. There is no authentication. */
  readonly anyAddress?: boolean | undefined;
  /** Takes nothing: PUT, POST, PATCH and DELETE are refused. */
  readonly readOnly?: boolean | undefined;
  /** Runs the layer jobs; one of its own (ended afterwards) when absent. */
  readonly pool?: Pool | undefined;
  /** ms without use after which an upload, or a blob that no manifest named, is dropped; an hour when absent. */
  readonly uploadLifetime?: number | undefined;
  /** Most bytes of an uploaded blob; 64 GiB when absent. */
  readonly maxBlobBytes?: number | undefined;
  /** ms that the headers of a request may take; 10,000 when absent. */
  readonly headersTimeout?: number | undefined;
  /** ms without a byte after which a body, in or out, is given up; 60,000 when absent. */
  readonly idleTimeout?: number | undefined;
  /** Ends the server. */
  readonly signal?: AbortSignal | undefined;
  /** Called for what is wrong with the server or the store, not with a request. */
  readonly onError?: ((error: unknown) => void) | undefined;
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
