/**
 * The contract between the parts of this room. It is plain TypeScript: only `grpc/` knows grpc-js, so that tests drive
 * services without a socket.
 *
 * containerd calls {@linkcode SnapshotsService} and {@linkcode DiffService}. Their methods take and return the messages
 * of `proto/`. varve calls {@linkcode ContentStore} and {@linkcode ContainerdLeases} of containerd.
 *
 * Life of a layer: containerd fetches its blob. It calls `prepare` with an unpack key, then `apply` with the mounts
 * that it got. `apply` reads the blob from the content store, makes the layer and answers its diffID. Then `commit`
 * names the snapshot by its chainID. A container gets a snapshot with that name as parent.
 */
import type { Digest } from "../digest/mod.ts";
import type {
  ApplyRequest,
  ApplyResponse,
  DiffRequest,
  DiffResponse,
} from "./proto/generated/diff_pb.ts";
import type {
  CleanupRequest,
  CommitSnapshotRequest,
  ListSnapshotsRequest,
  ListSnapshotsResponse,
  MountsRequest,
  MountsResponse,
  PrepareSnapshotRequest,
  PrepareSnapshotResponse,
  RemoveSnapshotRequest,
  StatSnapshotRequest,
  StatSnapshotResponse,
  UpdateSnapshotRequest,
  UpdateSnapshotResponse,
  UsageRequest,
  UsageResponse,
  ViewSnapshotRequest,
  ViewSnapshotResponse,
} from "./proto/generated/snapshots_pb.ts";

/** One call: its cancellation, and the metadata that matters. */
export interface Call {
  /**
   * Aborted when the client cancels the call, its deadline passes, its connection ends, or the server stops waiting
   * for it.
   */
  readonly signal: AbortSignal;
  /** The header `containerd-namespace`. Some builds of containerd do not send it. */
  readonly namespace: string | undefined;
  /** The header `containerd-lease`: the lease that keeps what this call makes. */
  readonly lease: string | undefined;
  /** Says for the log which snapshot the call concerns, where its request does not name it. */
  readonly about?: ((key: string) => void) | undefined;
}

/**
 * Service `containerd.services.snapshots.v1.Snapshots`.
 *
 * A method throws a `VarveError`. `grpc/status_of.ts` alone says which gRPC code it becomes.
 */
export interface SnapshotsService {
  /** Makes an active snapshot and answers its mounts. */
  prepare(request: PrepareSnapshotRequest, call: Call): Promise<PrepareSnapshotResponse>;
  /** Makes a read-only snapshot and answers its mounts. */
  view(request: ViewSnapshotRequest, call: Call): Promise<ViewSnapshotResponse>;
  /** The mounts of an active snapshot or a view, derived again. */
  mounts(request: MountsRequest, call: Call): Promise<MountsResponse>;
  /** Makes a committed snapshot of an active one, whose key is free then. */
  commit(request: CommitSnapshotRequest, call: Call): Promise<void>;
  /** Removes a snapshot. Its files may go after the answer: see {@linkcode SnapshotsService.cleanup}. */
  remove(request: RemoveSnapshotRequest, call: Call): Promise<void>;
  /** What is known about one snapshot. */
  stat(request: StatSnapshotRequest, call: Call): Promise<StatSnapshotResponse>;
  /** Changes labels. */
  update(request: UpdateSnapshotRequest, call: Call): Promise<UpdateSnapshotResponse>;
  /** The snapshots that a filter selects, in pieces. */
  list(request: ListSnapshotsRequest, call: Call): AsyncIterable<ListSnapshotsResponse>;
  /** What a snapshot takes on the disk, without its parents. */
  usage(request: UsageRequest, call: Call): Promise<UsageResponse>;
  /** Waits until what removed snapshots left is deleted. */
  cleanup(request: CleanupRequest, call: Call): Promise<void>;
}

/** Service `containerd.services.diff.v1.Diff`. */
export interface DiffService {
  /** Puts a layer into a snapshot, and answers the descriptor of the uncompressed layer. */
  apply(request: ApplyRequest, call: Call): Promise<ApplyResponse>;
  /** Makes a layer of the difference of two snapshots, and answers its descriptor. */
  diff(request: DiffRequest, call: Call): Promise<DiffResponse>;
}

/** The services that one socket offers. A call of one that is absent is answered with "unimplemented". */
export interface Services {
  readonly snapshots?: SnapshotsService | undefined;
  readonly diff?: DiffService | undefined;
}

/** A blob of containerd's content store. */
export interface ContentInfo {
  /** Digest of its bytes. */
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
  /** Labels that it has in the namespace. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the namespace got it, in milliseconds since the epoch; absent when containerd does not say it. */
  readonly createdAt?: number | undefined;
}

/** Which part of a blob is read. */
export interface ReadOptions {
  /** The first byte; 0 when absent. */
  readonly offset?: number | undefined;
  /** How many bytes; all that follow when absent. */
  readonly size?: number | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** A blob that is to be written. */
export interface WriteRequest {
  /** Name of the ingest. Two writers of one name exclude each other. */
  readonly ref: string;
  /** The namespace that sees the blob. */
  readonly namespace: string;
  /** Labels of the blob. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Digest that the bytes must have. */
  readonly expected?: Digest | undefined;
  /** The lease that keeps the blob from containerd's gc. */
  readonly lease?: string | undefined;
}

/**
 * containerd's content store: blobs by digest, each visible in the namespaces that have it.
 *
 * All methods throw `E_NOT_FOUND` for a blob that the namespace does not have, `E_BUSY` when containerd does not answer,
 * and `signal.reason` untouched.
 */
export interface ContentStore {
  /**
   * Directory of the store when this process can read it, else null. The file of a blob is then
   * `<root>/blobs/<algorithm>/<hex>`. A file says nothing about namespaces: ask {@linkcode ContentStore.info} first.
   */
  root(): Promise<string | null>;
  /** Size and labels of a blob. */
  info(digest: Digest, namespace: string, signal?: AbortSignal): Promise<ContentInfo>;
  /** The blobs that any of the filters selects, in containerd's syntax; all blobs without filters. */
  list(
    filters: readonly string[],
    namespace: string,
    signal?: AbortSignal,
  ): AsyncIterable<ContentInfo>;
  /** The bytes of a blob, not verified. */
  read(digest: Digest, namespace: string, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Sets labels of a blob in a namespace. Others stay as they are. */
  label(
    digest: Digest,
    namespace: string,
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * Writes a blob and commits it. One that exists already is a success; its labels then stay as they are.
   *
   * @throws {VarveError} `E_DIGEST` the bytes differ from `expected`
   */
  write(
    request: WriteRequest,
    bytes: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<{ readonly digest: Digest; readonly size: number }>;
}

/** containerd's leases: what they hold stays until they end. */
export interface ContainerdLeases {
  /** Makes a lease and returns its id. The label `containerd.io/gc.expire` says when it ends by itself. */
  create(
    namespace: string,
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<string>;
  /** Ends a lease. One that has ended already is a success. */
  delete(id: string, namespace: string, signal?: AbortSignal): Promise<void>;
}
