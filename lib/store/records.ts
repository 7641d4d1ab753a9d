/**
 * Records of the things that a store holds. A record is a plain value: it shows the state at the
 * moment when it was read, and later changes in the store do not change it.
 */
import type { ChainId, DiffId, Digest, TreeDigest } from "../digest/mod.ts";
import type { Descriptor, Platform } from "../oci/mod.ts";

/**
 * A blob of the store.
 *
 * A record alone does not prove that the bytes are intact; see `verifiedAt`. To learn whether a
 * blob must be fetched, ask an `Ingest`.
 */
export interface BlobRecord {
  /** Digest of the bytes: SHA-256 or SHA-512. */
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
  /** Media type that the first descriptor gave; `""` when none did. */
  readonly mediaType: string;
  /**
   * When the bytes were last verified, in milliseconds since the epoch. 0 when they were found damaged
   * since: the next ingest that brings the blob replaces them.
   */
  readonly verifiedAt: number;
}

/** A layer of the store. */
export interface LayerRecord {
  /** SHA-256 of the uncompressed tar: the identity of the layer. */
  readonly diffId: DiffId;
  /** Size of the uncompressed tar in bytes. */
  readonly size: number;
  /**
   * Number of the directory `layers/<cache-id>/`, which is never reused for another layer. 0 before
   * the commit.
   */
  readonly cacheId: number;
  /** Digest of the layer tree. */
  readonly treeDigest: TreeDigest;
  /** Number of entries of the layer tree. */
  readonly entries: number;
  /**
   * Whether the padding after a file in the tar holds bytes other than zeros, or is cut. A mount that
   * takes the file's bytes from the tar would show these bytes through mmap(2), or lack the file's
   * last block.
   */
  readonly dirtyPadding: boolean;
  /**
   * When the bytes were last verified, in milliseconds since the epoch. 0 when they were found damaged
   * since: reading them throws `E_DAMAGE`, and the next ingest that brings the layer replaces them.
   */
  readonly verifiedAt: number;
}

/** A chain: a layer on top of a parent chain. */
export interface ChainRecord {
  /** Digest that names the layer and all layers below it. */
  readonly chainId: ChainId;
  /** The topmost layer. */
  readonly diffId: DiffId;
  /** The chain of the layers below; `null` for a first layer. */
  readonly parent: ChainId | null;
  /**
   * Number of the directory `chains/<cache-id>/` that a driver filled; `null` when there is none.
   */
  readonly cacheId: number | null;
}

/** An image name. */
export interface ImageRecord {
  /** Full normalised name (`docker.io/library/debian:latest`), or `<none>@<digest>`. */
  readonly name: string;
  /** Descriptor of the manifest or index that the name points at, as it came in. */
  readonly target: Descriptor;
  /**
   * The platform that the name was given for, if its target is an index and the user asked for one
   * of its platforms. The name then means that image on every machine, whatever other platforms the
   * store holds.
   */
  readonly platform?: Platform | undefined;
  /**
   * Whether the name is spare; absent for false. The program makes a spare name, for instance in its
   * registry server, to keep a target that has no other name. It removes the spare name when another
   * name keeps the target. A name that a user gave is never spare.
   */
  readonly spare?: boolean | undefined;
  /** When the name was first given, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** When the name was last given, in milliseconds since the epoch. */
  readonly updatedAt: number;
}

/**
 * Whose a snapshot is: `""` for the user's own, `"containerd"` for those that containerd manages. Each scope has its own
 * keys: a key, a parent and children are of one scope.
 */
export type SnapshotScope = "" | "containerd";

/**
 * A snapshot as a row. A committed snapshot is that of a layer (`diffId`) or else of a directory (`cacheId`). The
 * directory of a snapshot of a layer, where it has one, only holds the marker.
 */
export interface SnapshotRow {
  /** Whose snapshot it is. */
  readonly scope: SnapshotScope;
  /**
   * Key of an active snapshot or a view, or name of a committed snapshot. Keys and names of a scope
   * share one name space.
   */
  readonly key: string;
  /**
   * Use of the snapshot: `"active"` to be written, `"view"` to be read, `"committed"` to lie below
   * others.
   */
  readonly kind: "active" | "view" | "committed";
  /** Name of the committed snapshot below; `null` for none. */
  readonly parent: string | null;
  /**
   * Number of the directory `snapshots/<cache-id>/`; `null` for a snapshot that the store makes again from a
   * chain, and for views without a directory.
   */
  readonly cacheId: number | null;
  /**
   * The layer of a snapshot that was committed from a tar; of an active one, the layer that it will be when it is
   * committed. Otherwise `null`.
   */
  readonly diffId: DiffId | null;
  /** Labels by key. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the snapshot was made, in microseconds since the epoch. */
  readonly createdAt: number;
  /** When the snapshot last changed, in microseconds since the epoch. */
  readonly updatedAt: number;
  /** Disk use of a committed snapshot: bytes and inodes; `null` while it is unknown. */
  readonly usage: { readonly size: number; readonly inodes: number } | null;
}

/** A lease: it protects things from garbage collection until it is removed or expires. */
export interface Lease {
  /** Name of the lease, unique in the store. */
  readonly id: string;
  /** When the lease was made, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** When the lease expires, in milliseconds since the epoch; `null` for never. */
  readonly expiresAt: number | null;
  /** Labels by key; `varve.mount` holds the directory of a mount. */
  readonly labels: Readonly<Record<string, string>>;
  /**
   * The things that the lease protects: `image:<name>`, `chain:<id>`, `layer:<diffID>`,
   * `blob:<digest>`, `snapshot:<key>`.
   */
  readonly resources: readonly string[];
}
