/**
 * The contract of stores: the promises that every store keeps, in memory or on a disk. `memory/` and `disk/`
 * implement it, and both pass `tests/conformance/store.ts`. Begin with {@linkcode Store} and {@linkcode Ingest}.
 */
import type { ChainId, DiffId, Digest } from "../digest/mod.ts";
import type { LayerJobOutput, LayerTarget } from "../layer_job/mod.ts";
import type { Descriptor, Platform } from "../oci/mod.ts";
import type { Tree } from "../tree/mod.ts";
import type { Directories } from "./disk_directories.ts";
import type { Holding } from "./garbage.ts";
import type { BlobRecord, ChainRecord, ImageRecord, LayerRecord, Lease } from "./records.ts";
import type { OpenBlobOptions } from "./runs.ts";
import type { Snapshots } from "./snapshot_table.ts";

/**
 * A store. Disposing it ends its open ingests and closes it.
 *
 * It holds *blobs* by digest, *layers* by diffID (the uncompressed tar and its layer tree), *chains* of layers,
 * image *names*, *snapshot* rows, *leases* and *settings*. Reading needs no preparation. Content comes in only
 * through an {@linkcode Ingest}. A pull works like this:
 *
 * 1. `store.ingest()` begins an ingest; `await using` ends it.
 * 2. `ingest.layer({ digest, diffId }, { blob: true })` asks for each layer. When it is `"present"`, there is
 *    nothing to do. When it is `"new"`, the layer job writes into `staged.target`, and `staged.finish(output,
 *    mediaType)` takes the job's output.
 * 3. `ingest.blob(…)` stages the config and the manifest.
 * 4. `ingest.image(name, manifest)` and `ingest.chain(diffIds)` say which name and which chain the commit adds.
 * 5. `ingest.commit()` makes the whole image visible.
 *
 * **Atomicity.** A commit makes everything of its ingest visible, or nothing. Before the commit nobody sees any of
 * it. When an ingest ends without a commit, by an error, by disposal or by `kill -9`, readers find nothing of it,
 * and its files are removed when the store is opened later. Every other change (a name, a lease, a setting, a
 * transaction on snapshots) is its own transaction.
 *
 * **Durability.** With `durability: "full"`, a commit survives a loss of power from the moment that `commit`
 * returns. With `"none"`, it survives the end of the process. After a loss of power, the next opening of the
 * store checks the commit and notes damage.
 *
 * **Idempotence.** Committing content that the store already holds succeeds and changes nothing. Pointing a name at
 * its current target, noting a chain twice, or disposing twice succeeds too.
 *
 * **One maker for each layer.** While one ingest (the maker) makes a layer, every other ingest that asks for the
 * same layer waits, in this process and in others. When the maker finishes the layer, the others get `"present"`,
 * even before the maker commits. When the maker gives up, one of the others becomes the maker. A finished layer
 * that an ingest takes over becomes a part of that ingest. It stays, even if its maker then fails.
 *
 * **Kept bytes.** Bytes from a network are expensive. `layer(key, { keep: true })` lets a disk store keep the bytes
 * that arrived, even when the ingest fails or its process is killed. The next maker of the same blob finds them in
 * its target (`staged.kept` counts them) and continues after them. Kept bytes are not trusted: the job reads them
 * first, and only the digest of the whole blob decides. The commit of their layer, `discard` and gc remove them.
 *
 * **Trust.** All content was verified when it came in: blobs against their digest, layers against their diffID. The
 * store remembers which layer each compressed blob was proved to hold. A later claim that the blob holds another
 * layer fails with `E_DIFFID`. A SHA-512 diffID names a layer only after the tar was hashed with SHA-512 too. Reading
 * verifies whole blobs and tars again, to their last byte. Missing or wrong bytes are noted as damage (`verifiedAt`
 * becomes 0). An ingest then treats the blob or layer as absent, so loading or pulling the image again repairs it.
 *
 * **Errors.** Each method names its own codes. The following codes mean the same everywhere:
 *
 * - `E_NOT_FOUND`: the store does not hold it.
 * - `E_DAMAGE`: the store holds it, but its bytes are missing or wrong. The damage is noted.
 * - `E_SIZE`, `E_DIGEST`, `E_DIFFID`: bytes differ from the expected bytes. An ingest keeps none of
 *   the bytes. A read throws such an error when the store is damaged, and notes the damage.
 * - `E_PRECONDITION`: the ingest has ended, the store is closed, or another step must come first.
 * - `E_BUSY`: another process holds a lock, or has removed something that the call needs. A retry can help.
 * - `E_DB`: the database is damaged. `E_SYSCALL`: the kernel refused; `errno` says why (`ENOSPC`, and `EROFS` for
 *   every change to a store on a read-only file system).
 * - `RangeError`, `TypeError`: an argument is wrong, for instance a name or a run of bytes.
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
  /** Snapshot rows: those of the user's own scope. */
  readonly snapshots: Snapshots;
  /** Leases. */
  readonly leases: Leases;
  /** Settings. */
  readonly settings: Settings;
  /** The directories of a disk store; `null` for a memory store. A `DiskStore` always has them. */
  readonly directories: Directories | null;
  /** Begins an ingest. Any number of ingests may be open at once. @throws {VarveError} `E_PRECONDITION` */
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
   * @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` its file is missing · `E_SIZE`, `E_DIGEST` its bytes are wrong;
   * this is noted · `E_LIMIT` it is larger than `maxBytes`
   */
  read(digest: Digest, maxBytes?: number): Promise<Uint8Array>;
  /**
   * The bytes of a blob as a stream, verified while they pass: the stream fails with `E_SIZE`, or at the end with
   * `E_DIGEST`. A part of a blob (`options.run`) is not verified, because it cannot be.
   *
   * @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` its file is missing
   * @throws {RangeError} when the run does not lie within the blob
   */
  open(digest: Digest, options?: OpenBlobOptions): Promise<ReadableStream<Uint8Array>>;
  /** All blobs, sorted by digest. */
  list(): BlobRecord[];
}

/**
 * Layers by diffID. A layer has one identity, the SHA-256 of its tar, and a store holds it once. A layer is also
 * found by the SHA-512 of its tar, if that was proved when the layer came in.
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
   * @throws {VarveError} `E_TRUNCATED` when the tar ends earlier
   * @throws {RangeError} when a number is negative or not an integer
   */
  read(position: number, length: number): Uint8Array;
  /**
   * Tells the store that bytes from this reader are wrong, so that it notes the layer as damaged. Absent when damage
   * cannot be noted: in a memory store, and for a tar that is not in a store.
   */
  noteDamage?(): void;
}

/** Chains by chainID. */
export interface Chains {
  /** The record of a chain, or `undefined`. */
  get(chainId: ChainId): ChainRecord | undefined;
  /**
   * The diffIDs of a chain, lowest first.
   *
   * @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` the rows do not make this chainID
   */
  diffIds(chainId: ChainId): DiffId[];
  /**
   * Notes the chain of some layers, lowest first, and each chain below it. Idempotent.
   *
   * @returns the chainID of all layers together
   * @throws {VarveError} `E_PRECONDITION` when the store does not hold one of the layers
   * @throws {RangeError} when `diffIds` is empty
   */
  ensure(diffIds: readonly DiffId[]): ChainId;
  /** All chains, sorted by chainID. */
  list(): ChainRecord[];
}

/** Options for setting and removing spare names (see {@linkcode ImageRecord.spare}). */
export interface SpareOptions {
  /**
   * For setting: whether a new name becomes spare. An existing name never becomes spare. A spare name that is set
   * without this option becomes a user's name. For removing: whether only spare names are removed.
   */
  readonly spare?: boolean | undefined;
}

/** Options for setting a name. */
export interface NameOptions extends SpareOptions {
  /** The platform that the name is given for (see {@linkcode ImageRecord.platform}); absent for none. */
  readonly platform?: Platform | undefined;
  /** Whether a previous target that has no other name is given up: the new one is the same image. Default: false. */
  readonly replaces?: boolean | undefined;
  /**
   * The digest of the target that the name must have until now, because the new target was made from it. Absent for
   * any target, or none.
   */
  readonly previous?: Digest | undefined;
}

/** Image names. Removing a name leaves its content to gc. */
export interface Images {
  /** The record of a full name, or `undefined`. */
  get(name: string): ImageRecord | undefined;
  /**
   * Points a name at a target that the store holds. The target's row `<none>@<digest>` is removed, unless the name is
   * spare. A previous target that has no other name is kept as `<none>@<digest>`, unless the name was spare, or it is
   * to be given up.
   * @throws {VarveError} `E_NOT_FOUND` the target's blob is missing · `E_USAGE` the name reads as a digest · `E_BUSY`
   * the name has another target than `previous`
   */
  set(name: string, target: Descriptor, options?: NameOptions): ImageRecord;
  /** Removes a name. @throws {VarveError} `E_NOT_FOUND` */
  remove(name: string): void;
  /** Removes the names that exist, all at once. Returns the removed names. */
  removeAll(names: readonly string[], options?: SpareOptions): string[];
  /** All names, sorted. */
  list(): ImageRecord[];
  /**
   * The names of all images that have a digest which begins with `prefix`: of the target, of a manifest or of a config.
   * Names of other images may be among them, because a store may not know what each document names. Sorted.
   */
  candidates(prefix: string): ImageRecord[];
}

/** Leases. */
export interface Leases {
  /** Adds a lease. @throws {VarveError} `E_EXISTS` */
  create(lease: Lease): void;
  /** The lease of an id, even if it is expired; otherwise `undefined`. */
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
  /** Sets a value; `undefined` removes it. The caller checks it. */
  set(key: string, value: string | undefined): void;
  /** All settings that have a value. */
  list(): Record<string, string>;
}

/**
 * The digests of a layer that are known before its bytes are read. Give at least one of the two. When none is
 * known, call {@linkcode Ingest.newLayer}.
 */
export interface LayerKey {
  /** Digest of the blob, from the manifest. */
  readonly digest?: Digest | undefined;
  /** Digest of the uncompressed tar, from the config. */
  readonly diffId?: DiffId | undefined;
}

/** Options of {@linkcode Ingest.layer}. */
export interface LayerOptions {
  /** Aborts the wait for another maker. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the blob `key.digest` is wanted too, because the manifest names it. A layer whose blob is missing is
   * then `"new"`: the job proves that the blob holds the layer, and the commit keeps only the missing parts.
   * The blob of an uncompressed layer is its tar, so this option is not needed for it.
   */
  readonly blob?: boolean | undefined;
  /**
   * Whether to keep the bytes of the blob `key.digest` as they arrive, and to continue after the bytes that an
   * earlier maker kept.
   */
  readonly keep?: boolean | undefined;
}

/** Result of {@linkcode Ingest.layer}. */
export type BegunLayer =
  | {
    /** The layer is complete, in the store or taken from another ingest that finished it. */
    readonly state: "present";
    /**
     * Record of the layer. `cacheId` is 0 when the layer is not committed yet; {@linkcode IngestResult} has the
     * final record.
     */
    readonly record: LayerRecord;
  }
  | {
    /** The caller has to make the layer. Other ingests that ask for it wait. */
    readonly state: "new";
    /** The layer to make. The caller must `finish`, `discard` or `suspend` it. */
    readonly staged: StagedLayer;
  };

/** A layer that is being made in an ingest. */
export interface StagedLayer {
  /** Where the layer job writes. */
  readonly target: LayerTarget;
  /**
   * Number of bytes of the blob that the target holds already; 0 when none are kept. The source of the layer job
   * must begin after these bytes.
   */
  readonly kept: number;
  /**
   * Takes the job's output into the ingest, where it waits for `commit`. From now on other ingests can take the
   * layer. If this throws, the layer is still being made, so discard it.
   *
   * @throws {VarveError} `E_DIGEST`, `E_DIFFID`, `E_SIZE` when the output contradicts the key
   * @throws {TypeError} when the layer was finished or given up before
   */
  finish(output: LayerJobOutput, mediaType: string): Promise<void>;
  /** Gives the layer up and removes its kept bytes, because they may be wrong. Idempotent. */
  discard(): Promise<void>;
  /** Gives the layer up and leaves its kept bytes to the next maker. An ingest that ends does this with every unfinished layer. Idempotent. */
  suspend(): Promise<void>;
}

/**
 * Content on its way into the store. Disposing an ingest without `commit` undoes everything; after `commit` it does
 * nothing.
 */
export interface Ingest extends Holding, AsyncDisposable {
  /**
   * Begins a layer, or finds it complete. Waits while another ingest makes the same layer.
   *
   * Do not call this again between `"new"` and `finish`, `discard` or `suspend`: it may wait for another ingest
   * that waits for your layer. So begin a layer only when its bytes are available.
   *
   * @throws {VarveError} `E_DIFFID` when `key.digest` was proved to hold another layer than `key.diffId`
   */
  layer(key: LayerKey, options?: LayerOptions): Promise<BegunLayer>;
  /**
   * Begins a layer whose digests are not known yet, such as a layer made from a directory. It searches for no
   * existing layer and never waits.
   */
  newLayer(): Promise<StagedLayer>;
  /**
   * Stages a document.
   *
   * @throws {VarveError} `E_SIZE`, `E_DIGEST` when it differs from `expected`
   */
  blob(
    bytes: Uint8Array,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor>;
  /** Stages a blob of any size that is not a layer. Hashes it while writing. @throws {VarveError} `E_SIZE`, `E_DIGEST` */
  blobStream(
    bytes: AsyncIterable<Uint8Array>,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor>;
  /**
   * Lets the commit point a name (`null` for `<none>@<digest>`) at a target. The target must be staged or in the
   * store; otherwise the commit throws `E_NOT_FOUND`.
   */
  image(name: string | null, target: Descriptor, options?: NameOptions): void;
  /**
   * Lets the commit note the chain of some layers. The layers must be staged or in the store; otherwise the commit
   * throws `E_PRECONDITION`. Without layers it does nothing.
   */
  chain(diffIds: readonly DiffId[]): void;
  /**
   * Makes everything visible at once. If it throws, nothing becomes visible. The ingest ends in both cases, with
   * one exception: while a layer is still being made, `commit` throws `E_PRECONDITION` and the ingest stays open.
   *
   * @throws {VarveError} `E_PRECONDITION`, `E_NOT_FOUND` as above · `E_BUSY` something that was present has been
   * removed, or a name has another target than `previous` · `E_SYSCALL` with the kernel's error (`ENOSPC`, …)
   */
  commit(): Promise<IngestResult>;
}

/** The rows that a commit made visible. */
export interface IngestResult {
  /** Names, in the order of the calls of `image`. */
  readonly images: readonly ImageRecord[];
  /** All layers that the ingest asked for, made or present. */
  readonly layers: readonly LayerRecord[];
}
