/**
 * The store: content-addressed blobs and layers, image names, chains, snapshot
 * rows, leases and settings, for any number of processes at once.
 *
 * **Visibility.** Everything that comes in comes through an {@linkcode Ingest}.
 * It stages files where nobody looks, and `commit` makes all of it visible at
 * once: data is synced, files are renamed to their final names, directories are
 * synced, and one database transaction says that they are there. An ingest that
 * is not committed, for whatever reason (an error, `kill -9`), leaves nothing but
 * invisible files, which a later start removes.
 *
 * **Going on.** Of a layer that is made of bytes which are dear, from a network, a disk store can keep
 * those that came: `layer(key, { keep: true })` finds as `kept` what an earlier one of the same digest
 * left, whether it failed, was killed, or finished and was never committed. Kept bytes are bytes and no
 * more: nothing is believed of them, the job reads them before what comes, and the digest decides
 * about the whole. They end with the commit of their layer, with a `discard`, or unused after a week.
 *
 * **Idempotence.** To commit what is there already is a success and changes
 * nothing. A layer is made once: `layer()` waits for whoever makes the same one,
 * and then gives what the other made.
 *
 * **Trust.** What is in the store was verified when it came in. A layer is known
 * by its diffID, and by each compressed digest that was verified to inflate to it.
 *
 * Implementations: `memory/` (tests, library use without files) and `disk/`.
 * Both pass `tests/conformance/store.ts`.
 */
import type { ChainId, DiffId, Digest, TreeDigest } from "../digest/mod.ts";
import type { LayerJobOutput, LayerTarget } from "../layer_job/mod.ts";
import type { Descriptor } from "../oci/mod.ts";
import type { Tree } from "../tree/mod.ts";
import type { Directories } from "./disk_store.ts";
import type { OpenBlobOptions } from "./runs.ts";

/** A blob that is here. (Ask an {@linkcode Ingest}, not this, whether to bring one: what a check found damaged has a record, too.) */
export interface BlobRecord {
  /** Its digest. */
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** As the descriptor that brought it said; `""` when none did. */
  readonly mediaType: string;
  /** When its bytes were last verified, ms since the epoch. 0 when damage was found since: the next ingest that brings the blob makes it whole. */
  readonly verifiedAt: number;
}

/** A layer that is here: {diffID, size, cache id} and what it came from. */
export interface LayerRecord {
  /** Digest of the uncompressed tar. */
  readonly diffId: DiffId;
  /** Size of the uncompressed tar in bytes. */
  readonly size: number;
  /** The on-disk id. */
  readonly cacheId: number;
  /** Digest of the layer tree. */
  readonly treeDigest: TreeDigest;
  /** Entries of the layer tree. */
  readonly entries: number;
  /** Whether something other than zeros stands behind the end of a file in the tar: who maps the tar would show it. */
  readonly dirtyPadding: boolean;
  /**
   * When its bytes were last verified, ms since the epoch. 0 when a check found damage since: who
   * asks for its bytes gets `E_DAMAGE`, and the next ingest that brings the layer makes it whole.
   */
  readonly verifiedAt: number;
}

/** A chain: a layer on top of a parent chain. */
export interface ChainRecord {
  /** Names the stack. */
  readonly chainId: ChainId;
  /** The topmost layer. */
  readonly diffId: DiffId;
  /** The stack below, `null` for a first layer. */
  readonly parent: ChainId | null;
  /** On-disk id of what a driver made for the chain as a whole; `null` when none did. */
  readonly cacheId: number | null;
}

/** An image name. */
export interface ImageRecord {
  /** Full normalised name (`docker.io/library/debian:latest`), or `<none>@<digest>`. */
  readonly name: string;
  /** What it names: a manifest or an index, as it came. */
  readonly target: Descriptor;
  /** Whether it is kept only while no other name keeps its target: whoever made it so takes it away. What a user names is not spare. */
  readonly spare?: boolean | undefined;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** ms since the epoch. */
  readonly updatedAt: number;
}

/** Blobs by digest. What is found damaged while it is read is noted, so that it can come again. */
export interface Blobs {
  /** What is known of a blob. */
  stat(digest: Digest): BlobRecord | undefined;
  /** The whole of a small blob (a document), verified. @throws {VarveError} `E_NOT_FOUND`, `E_SIZE`, `E_DIGEST`, `E_DAMAGE` when its file is missing, `E_LIMIT` above `maxBytes` (4 MiB) */
  read(digest: Digest, maxBytes?: number): Promise<Uint8Array>;
  /** The bytes of a blob, verified while they pass: the stream fails with `E_SIZE`, or at its end with `E_DIGEST`. Of a run of them nothing is verified. @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE` when its file is missing @throws {RangeError} no such run */
  open(digest: Digest, options?: OpenBlobOptions): Promise<ReadableStream<Uint8Array>>;
  /** All blobs, sorted by digest. */
  list(): BlobRecord[];
}

/** Layers by diffID. */
export interface Layers {
  /** The record of a layer. */
  get(diffId: DiffId): LayerRecord | undefined;
  /** The layer that a compressed blob was verified to hold, whether or not the blob is still here. */
  byBlob(digest: Digest): LayerRecord | undefined;
  /** The compressed blobs known for a layer. */
  blobsOf(diffId: DiffId): Digest[];
  /** Its tree, opened lazily. @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE` */
  tree(diffId: DiffId): Promise<Tree>;
  /** The uncompressed tar, whole, verified while it passes. @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE` */
  open(
    diffId: DiffId,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<ReadableStream<Uint8Array>>;
  /** A reader of runs of the tar; dispose it. @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE` */
  reader(diffId: DiffId): Promise<LayerReader>;
  /** All layers, sorted by diffID. */
  list(): LayerRecord[];
}

/** Random access to a layer's tar. */
export interface LayerReader extends Disposable {
  /** Size of the tar. */
  readonly size: number;
  /** Exactly `length` bytes. @throws {VarveError} `E_TRUNCATED` when the tar ends before, @throws {RangeError} when the run is no run */
  read(position: number, length: number): Uint8Array;
  /** Notes that bytes which it gave were found to be others than the layer's, so that the next ingest makes the layer whole. Tars that are no layers of a store have none. */
  noteDamage?(): void;
}

/** Chains by chainID. They come with images. */
export interface Chains {
  /** The record of a chain. */
  get(chainId: ChainId): ChainRecord | undefined;
  /** The diffIDs of a chain, lowest first. @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE` on a cycle */
  diffIds(chainId: ChainId): DiffId[];
  /** Notes a chain of layers that are all here (idempotent); gives the chainID of the whole. @throws {VarveError} `E_PRECONDITION` */
  ensure(diffIds: readonly DiffId[]): ChainId;
  /** All chains. */
  list(): ChainRecord[];
}

/** How a name is given, or which names are meant. */
export interface SpareOptions {
  /** Spare ones. A name that is not spare is never made so; a spare one that is given again without this is spare no more. */
  readonly spare?: boolean | undefined;
}

/** Image names. */
export interface Images {
  /** By full name. */
  get(name: string): ImageRecord | undefined;
  /** Points a name at a target that is here (atomically replaces). @throws {VarveError} `E_NOT_FOUND` when the target's blob is missing */
  set(name: string, target: Descriptor, options?: SpareOptions): ImageRecord;
  /** Removes a name; its content stays until gc. @throws {VarveError} `E_NOT_FOUND` */
  remove(name: string): void;
  /** Removes those of the names that are here (with `spare`: and spare), all at once, and gives them; their content stays until gc. */
  removeAll(names: readonly string[], options?: SpareOptions): string[];
  /** All names, sorted. */
  list(): ImageRecord[];
}

/** A snapshot as a row. `dir` is the cache id of its directory; a committed snapshot is a layer or a dir. */
export interface SnapshotRow {
  /** Key (active, view) or name (committed). One key space. */
  readonly key: string;
  /** Kind. */
  readonly kind: "active" | "view" | "committed";
  /** Name of the committed parent; `null` for none. */
  readonly parent: string | null;
  /** Cache id of `snapshots/<id>/`; `null` for views without a directory and for layers. */
  readonly cacheId: number | null;
  /** Committed from a tar layer: its diffID. */
  readonly diffId: DiffId | null;
  /** Labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** ms since the epoch. */
  readonly updatedAt: number;
  /** Usage of a committed snapshot; `null` while unknown. */
  readonly usage: { readonly size: number; readonly inodes: number } | null;
}

/** The snapshot table inside one transaction. */
export interface SnapshotTable {
  /** One row. */
  get(key: string): SnapshotRow | undefined;
  /** All rows, sorted by key. */
  list(): SnapshotRow[];
  /** Whether a row has this parent. */
  hasChildren(name: string): boolean;
  /** Adds or replaces a row. */
  put(row: SnapshotRow): void;
  /** Removes a row. */
  delete(key: string): void;
}

/** Snapshot rows. The state machine is in `snapshot/`; here they are only kept. */
export interface Snapshots {
  /** Runs `fn` in one short exclusive transaction: all of its changes or, when it throws, none. `fn` does no I/O. */
  transact<T>(fn: (table: SnapshotTable) => T): T;
  /** Reads in one consistent view. */
  read<T>(fn: (table: Omit<SnapshotTable, "put" | "delete">) => T): T;
}

/** Keeps things from gc until it ends. */
export interface Lease {
  /** Unique. */
  readonly id: string;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** ms since the epoch, or `null` for no end. */
  readonly expiresAt: number | null;
  /** Labels; `varve.mount` holds the directory of a mount. */
  readonly labels: Readonly<Record<string, string>>;
  /** What it keeps: `image:<name>`, `chain:<id>`, `layer:<diffID>`, `blob:<digest>`, `snapshot:<key>`. */
  readonly resources: readonly string[];
}

/** Leases. */
export interface Leases {
  /** Adds a lease. @throws {VarveError} `E_EXISTS` */
  create(lease: Lease): void;
  /** One lease. */
  get(id: string): Lease | undefined;
  /** Ends a lease. @throws {VarveError} `E_NOT_FOUND` */
  remove(id: string): void;
  /** All leases, sorted by id. */
  list(): Lease[];
}

/** Settings kept in the store; an option of the command line overrides. */
export interface Settings {
  /** The value that was set, or `undefined`. */
  get(key: string): string | undefined;
  /** Sets or (with `undefined`) unsets. Which keys and values are allowed is the caller's matter. */
  set(key: string, value: string | undefined): void;
  /** What is set. */
  list(): Record<string, string>;
}

/** What is known of a layer before its bytes are read: at least one of the two. Where nothing is known, call {@linkcode Ingest.newLayer}. */
export interface LayerKey {
  /** Digest of the compressed blob. */
  readonly digest?: Digest | undefined;
  /** Digest of the uncompressed tar. */
  readonly diffId?: DiffId | undefined;
}

/** How a layer is begun. */
export interface LayerOptions {
  /** Ends the wait for another maker. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The blob `key.digest` itself is wanted, too (its manifest names it). A layer that is here
   * without that blob is then `"new"`: the job proves that the blob inflates to it, and `finish`
   * keeps only what is missing. The blob of an uncompressed layer never needs this: it is the tar.
   */
  readonly blob?: boolean | undefined;
  /** Keep the bytes of the blob `key.digest` as they come, and go on where an earlier maker ended. */
  readonly keep?: boolean | undefined;
}

/** What {@linkcode Ingest.layer} found. */
export type BegunLayer =
  | {
    /** The layer is whole, in the store or in another ingest that has finished it. */
    readonly state: "present";
    /** Its record. `cacheId` is 0 when it is not committed yet: {@linkcode IngestResult} has the last word. */
    readonly record: LayerRecord;
  }
  | {
    /** The caller makes it, and meanwhile everybody else waits. */
    readonly state: "new";
    /** What the caller works on; it must come to `finish` or `discard`. */
    readonly staged: StagedLayer;
  };

/** A layer that is being made in an ingest. */
export interface StagedLayer {
  /** Where the layer job writes. */
  readonly target: LayerTarget;
  /** First bytes of the blob that the target holds already, so that the job's source begins behind them; 0 where nothing is kept. */
  readonly kept: number;
  /**
   * Takes the job's output into the ingest, where it waits for `commit`, and lets those go on that
   * wait for the layer. @throws {VarveError} `E_DIGEST`, `E_DIFFID`, `E_SIZE` when it is not what the key says
   */
  finish(output: LayerJobOutput, mediaType: string): Promise<void>;
  /** Gives it up, and the kept bytes with it, for they are not to be believed: removes its files, frees its lock. */
  discard(): Promise<void>;
  /** Gives it up, but leaves the kept bytes to who comes next. What an ingest ends with unfinished is suspended. */
  suspend(): Promise<void>;
}

/** One unit of visibility. Dispose without `commit` undoes everything. */
export interface Ingest extends AsyncDisposable {
  /**
   * Begins a layer, or gives the record when it is there already, verified. Waits
   * while another ingest, of this process or another, makes the same one.
   *
   * Between `"new"` and `finish` or `discard` do not wait for another `layer()` call: its maker may
   * wait for this one. So begin a layer when its bytes are at hand, and begin the same one once.
   *
   * @throws {VarveError} `E_DIFFID` when `key.digest` is known to hold another layer than `key.diffId`
   */
  layer(key: LayerKey, options?: LayerOptions): Promise<BegunLayer>;
  /** Begins a layer that no key names yet, such as one made from a directory. Nothing is looked up and nothing is waited for. */
  newLayer(): Promise<StagedLayer>;
  /** Stages a document. @throws {VarveError} `E_SIZE`, `E_DIGEST` when it is not what `expected` says */
  blob(
    bytes: Uint8Array,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor>;
  /** Stages a blob of any size that is no layer (a stream is hashed while it is written). */
  blobStream(
    bytes: AsyncIterable<Uint8Array>,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor>;
  /** At commit, points a name (`null`: `<none>@<digest>`) at a target that is staged or here (else commit fails with `E_NOT_FOUND`). */
  image(name: string | null, target: Descriptor, options?: SpareOptions): void;
  /** At commit, notes the chain of an image's layers, which are staged or here (else commit fails with `E_PRECONDITION`). No layers, no chain. */
  chain(diffIds: readonly DiffId[]): void;
  /**
   * Makes all of it visible, at once and durably, or (on an error) nothing; then the ingest is done with.
   *
   * @throws {VarveError} `E_PRECONDITION` when a layer is still being made or the ingest is done with;
   * `E_BUSY` when a present layer was removed meanwhile; `E_SYSCALL` with the kernel's error (`ENOSPC`, …)
   */
  commit(): Promise<IngestResult>;
}

/** What a commit made visible. */
export interface IngestResult {
  /** Names, in the order of `image` calls. */
  readonly images: readonly ImageRecord[];
  /** All layers that the ingest asked for, made or present. */
  readonly layers: readonly LayerRecord[];
}

/** A store. */
export interface Store extends AsyncDisposable {
  /** Its root directory; `null` for a memory store. */
  readonly root: string | null;
  /** Whether syncs are made. */
  readonly durability: "full" | "none";
  /** Blobs by digest. */
  readonly blobs: Blobs;
  /** Layers by diffID. */
  readonly layers: Layers;
  /** Chains by chainID. */
  readonly chains: Chains;
  /** Image names. */
  readonly images: Images;
  /** Snapshot rows. */
  readonly snapshots: Snapshots;
  /** Leases. */
  readonly leases: Leases;
  /** Settings. */
  readonly settings: Settings;
  /** The directories of a disk store; `null` for a memory store. A {@linkcode DiskStore} always has them. */
  readonly directories: Directories | null;
  /** Begins a unit of visibility. */
  ingest(): Promise<Ingest>;
}
