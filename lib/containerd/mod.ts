/**
 * varve behind containerd: a snapshotter and a differ as its proxy plug-ins.
 *
 * containerd fetches blobs and runs containers. varve takes each layer's blob from containerd's content store, makes
 * the layer in one pass, and gives a container one composed image as the lower of its overlay. Nothing is extracted.
 *
 * - `contract.ts` has the services, and what varve asks of containerd: plain TypeScript without gRPC;
 * - `proto/` has the messages: .proto files with what is used, and what `deno task proto` generates of them;
 * - `grpc/` is the one adapter to grpc-js: messages, error codes, cancellation, back-pressure;
 * - `snapshots/` is the service Snapshots over varve's snapshotter, in containerd's scope;
 * - `client/` asks containerd: for blobs, for leases, and about itself;
 * - `check/` finds out whether a running containerd is configured and placed right;
 * - `serve/` has the socket and the life of the server.
 *
 * @example
 * ```ts ignore
 * import { createPool, openStore } from "@varve/varve";
 * import { serveContainerd } from "@varve/varve/containerd";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * await using pool = createPool();
 * await using server = await serveContainerd(store, {
 *   socket: "/run/varve/varve.sock",
 *   containerd: "/run/containerd/containerd.sock",
 *   pool,
 * });
 * ```
 *
 * @module
 */
export { checkContainerd, type CheckContainerdOptions } from "./check/check_containerd.ts";
export type { ContainerdCheck, ContainerdFinding } from "./check/findings.ts";
export type {
  ContainerdLeases,
  ContentInfo,
  ContentStore,
  ReadOptions,
  WriteRequest,
} from "./contract.ts";
export type {
  CallFacts,
  ContainerdServer,
  ServeContainerdOptions,
  ServeEvent,
} from "./serve/contract.ts";
export { serveContainerd } from "./serve/serve.ts";
export type { AdoptMode } from "./snapshots/adopt.ts";
