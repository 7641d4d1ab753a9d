/**
 * The contract of stores: what each promises, whatever it is made of. `memory/` and `disk/` implement it, and
 * both pass `tests/conformance/store.ts`. Begin with {@linkcode Store} and {@linkcode Ingest}.
 */
import type { ChainId, DiffId, Digest } from "../digest/mod.ts";
import type { LayerJobOutput, LayerTarget } from "../layer_job/mod.ts";
import type { Descriptor, Platform } from "../oci/mod.ts";
import type { Tree } from "../tree/mod.ts";
import type { Directories } from "./disk_directories.ts";
import type {
  BlobRecord,
  ChainRecord,
  ImageRecord,
  LayerRecord,
  Lease,
  SnapshotRow,
} from "./records.ts";
import type { OpenBlobOptions } from "./runs.ts";

/**
 * A store. Disposing it ends its open ingests and closes it.
 *
 * It holds *blobs* by digest, *layers* by diffID (the uncompressed tar and its layer tree), *chains* of
 * layers, image *names*, *snapshot* rows, *leases* and *settings*. Reading needs no preparation. Content
 * comes in by one way only, an {@linkcode Ingest}. This is how a pull brings an image:
 *
 * 1. `store.ingest()` begins an ingest; `await using` ends it.
 * 2. `ingest.layer({ digest, diffId }, { blob: true })` asks for each layer. `"present"`: there is nothing
 *    to do. `"new"`: the layer job writes into `staged.target`, and `staged.finish(output, mediaType)` hands
 *    its output over.
 * 3. `ingest.blob(…)` takes config and manifest.
 * 4. `ingest.image(name, manifest)` and `ingest.chain(diffIds)` say what the commit is to note.
 * 5. `ingest.commit()` makes all of it visible.
 *
 * **Atomicity.** A commit makes everything of its ingest visible, or nothing. Until then nobody sees any
 * of it. An ingest that ends without a commit, by an error, by disposal or by `kill -9`, leaves nothing
 * that a reader can find; a later start removes the files that it left. Every other change (a name, a
 * lease, a setting, a transaction on snapshots) is one transaction of its own.
 *
 * **Durability.** With `durability: "full"`, what was committed survives a loss of power from the moment
 * that `commit` returns. With `"none"`, it survives the end of the process; after a loss of power the next
 * start checks it and notes what is damaged.
 *
 * **Idempotence.** Committing what the store holds already is a success and changes nothing. Pointing a name
 * at the target that it has, noting a chain that is noted, or disposing twice is a success, too.
 *
 * **One maker for each layer.** While one ingest makes a layer, every other that asks for the same one
 * waits, in this process and in others. When the maker finishes, the others get `"present"`, before it
 * commits; when it gives up, one of them becomes the maker. Taking over a finished layer makes it part of
 * one's own ingest: it stays, whatever becomes of the maker.
 *
 * **Kept bytes.** Bytes from a network are expensive. `layer(key, { keep: true })` lets a disk store keep
 * those that came, also when the ingest fails or its process is killed. The next maker of the same blob finds
 * them in its target (`staged.kept` counts them) and continues behind them. Kept bytes are not trusted: the
 * job reads them first, and only the digest of the whole decides. They go with the commit of their layer,
 * with `discard`, or when a week passes without use.
 *
 * **Trust.** All content was verified when it came in: blobs against their digest, layers against their
 * diffID. The store remembers which layer each compressed blob was proved to hold; a later claim that
 * contradicts this is refused with `E_DIFFID`. A diffID by SHA-512 is proved before it counts as a name of a layer. Reading verifies again, whole blobs and tars to their last
 * byte. What is found missing or wrong is noted as damaged (`verifiedAt` becomes 0), and an ingest then
 * treats it as absent: loading or pulling the image again repairs it.
 *
 * **Errors.** Methods name the codes that are their own. Everywhere these mean the same:
 *
 * - `E_NOT_FOUND`: the store does not hold it.
 * - `E_DAMAGE`: the store holds it, but its bytes are missing or wrong. This is noted.
 * - `E_SIZE`, `E_DIGEST`, `E_DIFFID`: bytes are not what was promised. In an ingest, nothing of them stays.
 *   When reading, the store is damaged, which is noted.
 * - `E_PRECONDITION`: the ingest has ended, the store is closed, or something must come first.
 * - `E_BUSY`: another process holds what is needed, or removed it meanwhile. Trying again can help.
 * - `E_DB`: the database is damaged. `E_SYSCALL`: the kernel refused; `errno` says why (`ENOSPC`, and
 *   `EROFS` for every change to a store on a read-only file system).
 * - `RangeError`, `TypeError`: the caller is wrong, for instance about a name or a run of bytes.
 * - `signal.reason` is thrown untouched.
 */
export interface Store extends AsyncDisposable {
  /** Absolute path of its root directory; `null` for a memory store. */
  readonly root: string | null;
  /** Whether a commit waits until its data is on the disk. */
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
  /** The directories of a disk store; `null` for a memory store. A `DiskStore` always has them. */
  readonly directories: Directories | null;
  /** Begins an ingest. Any number of them may be open at once. @throws {VarveError} `E_PRECONDITION` */
  ingest(): Promise<Ingest>;
}

/** Blobs by digest. */
export interface Blobs {
  /** The record of a blob, or `undefined`. */
  stat(digest: Digest): BlobRecord | undefined;
  /**
   * The bytes of a small blob (a document), verified.
   *
   * @param maxBytes largest size that is read; 4 MiB by default
   * @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` its file is missing · `E_SIZE`, `E_DIGEST` its bytes are
   * wrong; this is noted · `E_LIMIT` it is larger than `maxBytes`
   */
  read(digest: Digest, maxBytes?: number): Promise<Uint8Array>;
  /**
   * The bytes of a blob as a stream, verified while they pass: it fails with `E_SIZE`, or at the end with
   * `E_DIGEST`. A part of the blob (`options.run`) cannot be verified, and is not.
   *
   * @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` its file is missing
   * @throws {RangeError} when the run does not lie within the blob
   */
  open(digest: Digest, options?: OpenBlobOptions): Promise<ReadableStream<Uint8Array>>;
  /** All blobs, sorted by digest. */
  list(): BlobRecord[];
}

/**
 * Layers by diffID. A layer has one identity, the SHA-256 of its tar, and a store holds it once. It is also found
 * by a SHA-512 of its tar that was proved when it came.
 */
export interface Layers {
  /** The record of a layer, or `undefined`. */
  get(diffId: DiffId): LayerRecord | undefined;
  /** The layer that a blob was proved to hold, whether or not the store still has the blob. */
  byBlob(digest: Digest): LayerRecord | undefined;
  /** Digests of the blobs that were proved to hold a layer, sorted. */
  blobsOf(diffId: DiffId): Digest[];
  /** The layer tree, read as it is walked. @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE` */
  tree(diffId: DiffId): Promise<Tree>;
  /** The uncompressed tar as a stream, verified while it passes. @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE` */
  open(
    diffId: DiffId,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<ReadableStream<Uint8Array>>;
  /** Opens the tar for reading parts of it, which are not verified. @throws {VarveError} `E_NOT_FOUND`, `E_DAMAGE` */
  reader(diffId: DiffId): Promise<LayerReader>;
  /** All layers, sorted by diffID. */
  list(): LayerRecord[];
}

/** Random access to a layer's tar. Disposing it closes the tar. */
export interface LayerReader extends Disposable {
  /** Size of the tar in bytes. */
  readonly size: number;
  /**
   * Reads exactly `length` bytes from `position`.
   *
   * @throws {VarveError} `E_TRUNCATED` when the tar ends before
   * @throws {RangeError} when a number is negative or not an integer
   */
  read(position: number, length: number): Uint8Array;
  /** Tells the store that bytes which this reader gave are not the layer's. Absent where no store is behind it. */
  noteDamage?(): void;
}

/** Chains by chainID. */
export interface Chains {
  /** The record of a chain, or `undefined`. */
  get(chainId: ChainId): ChainRecord | undefined;
  /** The diffIDs of a chain, lowest first. @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` the rows are not those of this chainID */
  diffIds(chainId: ChainId): DiffId[];
  /**
   * Notes the chain of some layers, lowest first, and each chain below it. Idempotent.
   *
   * @returns the chainID of all layers together
   * @throws {VarveError} `E_PRECONDITION` when the store does not hold one of the layers
   * @throws {RangeError} without layers
   */
  ensure(diffIds: readonly DiffId[]): ChainId;
  /** All chains, sorted by chainID. */
  list(): ChainRecord[];
}

/** How a name is given, or which names are meant: see {@linkcode ImageRecord.spare}. */
export interface SpareOptions {
  /**
   * When a name is given: the name is spare, unless it exists and is not. Giving a spare name again without
   * this makes it the user's. When names are removed: only spare ones.
   */
  readonly spare?: boolean | undefined;
}

/** How a name is given. */
export interface NameOptions extends SpareOptions {
  /** The platform that the name is given for, see {@linkcode ImageRecord.platform}. When absent, the name has none. */
  readonly platform?: Platform | undefined;
}

/** Image names. Removing a name leaves its content to garbage collection. */
export interface Images {
  /** The record of a full name, or `undefined`. */
  get(name: string): ImageRecord | undefined;
  /** Points a name at a target that the store holds; replaces what it pointed at. @throws {VarveError} `E_NOT_FOUND` when the target's blob is missing */
  set(name: string, target: Descriptor, options?: NameOptions): ImageRecord;
  /** Removes a name. @throws {VarveError} `E_NOT_FOUND` */
  remove(name: string): void;
  /** Removes those of the names that exist, all at once; returns them. */
  removeAll(names: readonly string[], options?: SpareOptions): string[];
  /** All names, sorted. */
  list(): ImageRecord[];
}

/** Snapshot rows. A store only keeps them: their meaning and their rules are the snapshotter's. */
export interface Snapshots {
  /** Runs `fn` in one short exclusive transaction: all of its changes are made or, when it throws, none. `fn` is synchronous and does no I/O. */
  transact<T>(fn: (table: SnapshotTable) => T): T;
  /** Runs `fn` on rows that do not change meanwhile. `fn` is synchronous. */
  read<T>(fn: (table: Omit<SnapshotTable, "put" | "delete">) => T): T;
}

/** The snapshot rows inside one transaction. */
export interface SnapshotTable {
  /** The row of a key, or `undefined`. */
  get(key: string): SnapshotRow | undefined;
  /** All rows, sorted by key. */
  list(): SnapshotRow[];
  /** Whether any row has this parent. */
  hasChildren(name: string): boolean;
  /** Adds a row, or replaces the one of the same key. */
  put(row: SnapshotRow): void;
  /** Removes the row of a key, if there is one. */
  delete(key: string): void;
}

/** Leases. */
export interface Leases {
  /** Adds a lease. @throws {VarveError} `E_EXISTS` */
  create(lease: Lease): void;
  /** The lease of an id, or `undefined`; an expired one, too. */
  get(id: string): Lease | undefined;
  /** Removes a lease. @throws {VarveError} `E_NOT_FOUND` */
  remove(id: string): void;
  /** All leases, sorted by id. */
  list(): Lease[];
}

/** Settings that belong to the store. Options of the command line override them. */
export interface Settings {
  /** The value of a setting, or `undefined`. */
  get(key: string): string | undefined;
  /** Sets a value; `undefined` removes it. The caller checks which keys and values are allowed. */
  set(key: string, value: string | undefined): void;
  /** All settings that have a value. */
  list(): Record<string, string>;
}

/** What is known of a layer before its bytes are read: at least one of the two. Where nothing is known, call {@linkcode Ingest.newLayer}. */
export interface LayerKey {
  /** Digest of the blob, as the manifest has it. */
  readonly digest?: Digest | undefined;
  /** Digest of the uncompressed tar, as the config has it. */
  readonly diffId?: DiffId | undefined;
}

/** How a layer is begun. */
export interface LayerOptions {
  /** Aborts the wait for another maker. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the blob `key.digest` is wanted, too, because the manifest names it. A layer whose blob is
   * missing is then `"new"`: the job proves that the blob inflates to the layer, and a commit keeps only what
   * is missing. The blob of an uncompressed layer is its tar, and
   * needs none of this.
   */
  readonly blob?: boolean | undefined;
  /** Whether to keep the bytes of the blob `key.digest` as they come, and to continue where an earlier maker ended. */
  readonly keep?: boolean | undefined;
}

/** What {@linkcode Ingest.layer} found. */
export type BegunLayer =
  | {
    /** The layer is whole: in the store, or finished by another ingest, from which this one took it. */
    readonly state: "present";
    /** Its record. `cacheId` is 0 when it is not committed yet; {@linkcode IngestResult} has the final record. */
    readonly record: LayerRecord;
  }
  | {
    /** The caller makes the layer. Others that ask for it wait. */
    readonly state: "new";
    /** What the caller works on. It must `finish`, `discard` or `suspend` it. */
    readonly staged: StagedLayer;
  };

/** A layer that is being made in an ingest. */
export interface StagedLayer {
  /** Where the layer job writes. */
  readonly target: LayerTarget;
  /** Number of bytes of the blob that the target holds already: the source begins behind them. 0 when nothing is kept. */
  readonly kept: number;
  /**
   * Takes the job's output into the ingest, where it waits for `commit`, and lets others take the layer. When
   * it throws, the layer is still being made: discard it.
   *
   * @throws {VarveError} `E_DIGEST`, `E_DIFFID`, `E_SIZE` when the output is not what the key says
   * @throws {TypeError} when the layer was finished or given up before
   */
  finish(output: LayerJobOutput, mediaType: string): Promise<void>;
  /** Gives the layer up, and its kept bytes, because they may be wrong. Idempotent. */
  discard(): Promise<void>;
  /** Gives the layer up and leaves its kept bytes to the next maker. An ingest that ends does this with every unfinished layer. Idempotent. */
  suspend(): Promise<void>;
}

/** Content on its way into the store. Disposing it without `commit` undoes everything; after `commit` it does nothing. */
export interface Ingest extends AsyncDisposable {
  /**
   * Begins a layer, or finds it whole. Waits while another ingest makes the same one.
   *
   * Between `"new"` and `finish`, `discard` or `suspend`, do not call this for another layer: its maker
   * may be waiting for yours. So begin a layer when its bytes are at hand.
   *
   * @throws {VarveError} `E_DIFFID` when `key.digest` was proved to hold another layer than `key.diffId`
   */
  layer(key: LayerKey, options?: LayerOptions): Promise<BegunLayer>;
  /** Begins a layer that no key names yet, such as one made from a directory. It looks for nothing and waits for nobody. */
  newLayer(): Promise<StagedLayer>;
  /** Stages a document. @throws {VarveError} `E_SIZE`, `E_DIGEST` when it is not what `expected` says */
  blob(
    bytes: Uint8Array,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor>;
  /** Stages a blob of any size that is no layer, hashed while it is written. @throws {VarveError} `E_SIZE`, `E_DIGEST` */
  blobStream(
    bytes: AsyncIterable<Uint8Array>,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor>;
  /** Has the commit point a name (`null`: `<none>@<digest>`) at a target that is staged or in the store; otherwise the commit throws `E_NOT_FOUND`. */
  image(name: string | null, target: Descriptor, options?: NameOptions): void;
  /** Has the commit note the chain of layers that are staged or in the store; otherwise the commit throws `E_PRECONDITION`. Without layers it does nothing. */
  chain(diffIds: readonly DiffId[]): void;
  /**
   * Makes everything visible at once or, when it throws, nothing. The ingest has ended then, either way. Only
   * while a layer is still being made does it throw `E_PRECONDITION` and stay open.
   *
   * @throws {VarveError} `E_PRECONDITION`, `E_NOT_FOUND` as above · `E_BUSY` a layer that was present was removed
   * meanwhile · `E_SYSCALL` with the kernel's error (`ENOSPC`, …)
   */
  commit(): Promise<IngestResult>;
}

/** What a commit made visible. */
export interface IngestResult {
  /** Image names, in the order of the calls of `image`. */
  readonly images: readonly ImageRecord[];
  /** All layers that the ingest asked for, made or present. */
  readonly layers: readonly LayerRecord[];
}
