/**
 * The contract of garbage collection: what a store keeps, for which reasons, and what it removes.
 *
 * A thing is kept while a *root* reaches it. The roots are:
 *
 * - image names: a name keeps the document that it names, the manifests of an index that the store holds (the
 *   others are absent platforms), their configs, their blobs and their layers;
 * - active snapshots and views. Each keeps the committed snapshots below it, and their layers. If the labels of an
 *   active snapshot name a manifest, the snapshot keeps it like an image name does: a container that is kept can
 *   run, be committed and pushed after its image was removed;
 * - committed snapshots that a user or another program made: those with a directory or with labels, and all of
 *   containerd's, which removes its snapshots itself;
 * - live leases, with what their resources name;
 * - open ingests of living processes, with everything that they asked the store for (see {@linkcode Holding});
 *
 * Caches are not roots. They stay while the things that they were made of are kept, and a bound removes those that
 * were not used for the longest time: rows of chains and the committed snapshots of `ensureChain`, composed images,
 * extracted directories, kept parts of downloads. The blobs of `--compression` are kept only by an image name.
 */
import type { ChainId, DiffId, Digest } from "../digest/mod.ts";
import type { Lease } from "./records.ts";

/**
 * A thing in a store, as text: the kind, a colon and the name. Resources of leases have the same form. The name of an
 * ingest is its directory, relative to `ingest/`. A snapshot of containerd is a `containerd-snapshot`.
 */
export type Thing =
  | `image:${string}`
  | `snapshot:${string}`
  | `containerd-snapshot:${string}`
  | `lease:${string}`
  | `ingest:${string}`
  | `blob:${Digest}`
  | `layer:${DiffId}`
  | `chain:${ChainId}`;

/** One step of a chain of reasons. */
export interface Reason {
  /** The thing that is kept. */
  readonly thing: Thing;
  /**
   * Why it is kept: what it is for the thing of the step before, such as "manifest of it" or "layer 2 of it". For the
   * first step, why it is a root, such as "image name".
   */
  readonly why: string;
}

/** What gc found by following the roots of a store: the state of the moment when it was read. */
export interface Marks {
  /** Whether a root reaches a thing, or the thing is a root. */
  keeps(thing: Thing): boolean;
  /**
   * The shortest chain of reasons that keeps a thing. The first step is a root, the last step is the thing itself.
   * Empty when nothing keeps it.
   */
  why(thing: Thing): readonly Reason[];
  /** Everything that is kept, roots first. */
  kept(): Iterable<Thing>;
  /**
   * Documents of kept images that cannot be read, so that nobody knows what they name. While there are any, gc removes
   * no blob, no layer and no chain.
   */
  readonly unreadable: readonly Digest[];
}

/** The kind of a thing that gc removes. */
export type GarbageKind =
  /** A blob that no root reaches. */
  | "blob"
  /** A layer that no root reaches: its tar, its tree, and what was extracted from it. */
  | "layer"
  /** A chain that no root reaches, with its composed image and its directories. */
  | "chain"
  /** The committed snapshot of a chain that no root reaches. It has no bytes. */
  | "snapshot"
  /** A lease that has expired. It has no bytes. */
  | "lease"
  /** A composed image or extracted directories of a kept layer or chain, removed by the bound `cache.size`. */
  | "cache"
  /** Kept bytes of a download that did not end, removed by the bound `cache.parts` or by age. */
  | "part"
  /** Something that was removed earlier, and whose files are still in `trash/`. */
  | "trash";

/** Something that gc removes, or would remove. */
export interface Garbage {
  /** What kind of thing it is. */
  readonly kind: GarbageKind;
  /** Its name: a digest, a key, an id, or for trash the name in `trash/`. */
  readonly name: string;
  /**
   * Bytes on the disk that its removal frees, together with everything before it in the list. A file with several
   * names counts where its last name is removed.
   */
  readonly bytes: number;
  /** Why it is not kept: "no image or snapshot needs it". */
  readonly reason: string;
}

/** Answers of other rooms, because the store knows neither mounts nor containers. */
export interface GcKnowledge {
  /** Whether a lease is live. When absent, a lease is live until `expiresAt`. */
  readonly isLive?: ((lease: Lease) => boolean) | undefined;
  /**
   * Returns a function that tells whether a mount uses files in a directory of the store, by its absolute path. Such
   * a directory is not removed. It is called once for each batch of removals. When absent, nothing is in use.
   */
  readonly inUse?: (() => (directory: string) => boolean) | undefined;
  /**
   * Keeps every process from making or mounting a snapshot until the result is disposed; `undefined` when one is
   * being made now. Caches of kept things are removed only under this lock. When absent, no such cache is removed.
   */
  readonly lockCaches?: (() => Disposable | undefined) | undefined;
}

/** How much a collection leaves of caches and of kept parts of downloads. */
export interface GcBounds {
  /** Bytes of composed images and extracted directories. */
  readonly size: number;
  /** Bytes of kept parts. */
  readonly parts: number;
  /** Only what was used last before this time is removed, in ms since the epoch. When absent, all. */
  readonly before?: number | undefined;
}

/**
 * What some images and snapshots needed before they were removed: the result of {@linkcode Collector.reach}, and a value
 * of {@linkcode GcOptions.reached}.
 */
export interface Reached {
  /** The things themselves, and everything that they needed. */
  readonly things: readonly Thing[];
  /** The targets of the image names among them. */
  readonly targets: readonly Digest[];
  /** Keys of the active snapshots among them. */
  readonly active: readonly string[];
  /** Whether all their documents could be read. */
  readonly isKnown: boolean;
}

/** Options of a collection. */
export interface GcOptions {
  /** Finds what would be removed, and removes nothing. */
  readonly dryRun?: boolean | undefined;
  /**
   * Whether to also enforce the bounds of caches and of kept parts: the settings `cache.size` and `cache.parts`, or
   * other bounds. Default: true.
   */
  readonly bounds?: boolean | GcBounds | undefined;
  /**
   * What was removed since the last collection, if that is all: then only what it reached is looked at, which does not
   * take longer in a large store. The store counts removals. If there were others, or it is not known what needs the
   * reached things, everything is collected. Bounds are then enforced, too.
   */
  readonly reached?: Reached | undefined;
  /** With `dryRun`: roots that count as removed, such as `image:<name>`. */
  readonly without?: ReadonlySet<Thing> | undefined;
  /** Longest time in ms to wait for another process that collects. Default: 0. */
  readonly wait?: number | undefined;
  /** Ends the collection between two batches. What was removed until then stays removed. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each thing when it has been removed. */
  readonly onRemoved?: ((garbage: Garbage) => void) | undefined;
}

/** Result of a collection. */
export interface GcReport {
  /** What was removed; with `dryRun`, what would be. */
  readonly removed: readonly Garbage[];
  /** Sum of their bytes. */
  readonly bytes: number;
  /** What would have been removed, but is mounted or in use: a later collection removes it. */
  readonly deferred: readonly Garbage[];
  /** As {@linkcode Marks.unreadable}. */
  readonly unreadable: readonly Digest[];
}

/** Garbage collection of a disk store. Only one process collects at a time. */
export interface Collector {
  /** What images and snapshots need now. Ask before you remove them, and give the result to `collect` afterwards. */
  reach(things: readonly Thing[]): Reached;
  /** Follows the roots, without a lock and without a change. */
  mark(
    knowledge?: GcKnowledge,
    options?: Pick<GcOptions, "without" | "signal">,
  ): Promise<Marks>;
  /**
   * What a collection would remove now, in its order. `marks` are the result of {@linkcode Collector.mark}.
   */
  garbage(
    marks: Marks,
    knowledge?: GcKnowledge,
    options?: Pick<GcOptions, "bounds" | "signal">,
  ): Promise<readonly Garbage[]>;
  /**
   * Removes what no root reaches. What became a root since the marks were made stays: everything is judged again
   * in the transaction that removes its row. A kill at any moment leaves rows or files that the next start or
   * collection removes.
   *
   * @throws {VarveError} `E_BUSY` another process collects · `E_SYSCALL` the kernel refuses
   */
  collect(knowledge?: GcKnowledge, options?: GcOptions): Promise<GcReport>;
  /**
   * Enforces the setting `cache.size`, if this open store has made a composed image or extracted a directory since it
   * was enforced last; else it does nothing. It measures what was made since then, and everything only when the sum is
   * beyond the setting. Then it removes those that were not used for the longest time, until 90 % of the setting are
   * left. What is mounted, or belongs to a snapshot in use, stays.
   *
   * @returns what was removed
   * @throws {VarveError} `E_BUSY` another process collects · `E_SYSCALL` the kernel refuses
   */
  boundCaches(
    knowledge?: GcKnowledge,
    options?: Pick<GcOptions, "signal">,
  ): Promise<readonly Garbage[]>;
}

/** Something that keeps things of the store from gc for as long as it is open, such as an ingest. */
export interface Holding {
  /**
   * Keeps blobs and layers from gc until the end, whether or not the store has them now. Call it before you look
   * whether the store has them. A commit looks for layers and the target again.
   *
   * @throws {VarveError} `E_SYSCALL`
   */
  hold(things: readonly (Digest | DiffId)[]): Promise<void>;
}
