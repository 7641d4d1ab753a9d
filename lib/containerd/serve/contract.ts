import type { LayerRules } from "../../layer_job/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { Driver, DriverName } from "../../snapshot/mod.ts";
import type { AdoptMode } from "../snapshots/adopt.ts";

/** Options of {@linkcode serveContainerd}. */
export interface ServeContainerdOptions {
  /** Where containerd calls: the absolute path of a Unix socket to make, or a descriptor that listens already. */
  readonly socket: string | { readonly descriptor: number };
  /** Absolute path of containerd's own socket. */
  readonly containerd: string;
  /** Runs the layer jobs, and other long work. It must not block this thread. */
  readonly pool: Pool;
  /** The driver of the snapshots; as for `createSnapshotter` when absent. */
  readonly driver?: Driver | DriverName | "auto" | undefined;
  /** Policy and limits of layers, as for a load. */
  readonly rules?: LayerRules | undefined;
  /** Which chains that the store holds are not fetched and unpacked again; `"cri"` when absent. */
  readonly adopt?: AdoptMode | undefined;
  /** Frees what nothing needs any more: layers and composed images. Called when containerd has removed snapshots. */
  readonly free?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Serves metrics in Prometheus' text format at `/metrics` of this address, which must be of loopback. */
  readonly metrics?: { readonly hostname: string; readonly port: number } | undefined;
  /** Called with what is worth a line of a log. It must not throw. */
  readonly onEvent?: ((event: ServeEvent) => void) | undefined;
}

/** What a log says about a call. */
export interface CallFacts {
  /** Name of the method, such as `Prepare`. */
  readonly method: string;
  /** Namespace of containerd, where it is known. */
  readonly namespace: string | null;
  /** Key or name of the snapshot, or null where the call names none. */
  readonly key: string | null;
  /** Digest of the blob that the call names, or null. */
  readonly digest: string | null;
  /** How long the call took, in milliseconds. */
  readonly ms: number;
}

/** What is worth a line of a log. */
export type ServeEvent =
  /** A call that failed. `code` is gRPC's name of the code, such as `NotFound`. */
  | CallFacts & { readonly kind: "failed"; readonly code: string; readonly message: string }
  /** A layer that was applied: its diffID, and the bytes of its uncompressed tar. */
  | CallFacts & { readonly kind: "applied"; readonly diffId: string; readonly size: number }
  /** Something that the operator should know. */
  | { readonly kind: "warning"; readonly message: string };

/**
 * Running services. Dispose it to end them: no new call is taken, running calls get ten seconds, then their signals are
 * aborted. It unmounts nothing and removes nothing: containers go on.
 */
export interface ContainerdServer extends AsyncDisposable {
  /** Absolute path of the socket; null for an inherited descriptor. */
  readonly socket: string | null;
  /** Where the metrics are, `http://127.0.0.1:9100/metrics`; null when they are not served. */
  readonly metrics: string | null;
}
