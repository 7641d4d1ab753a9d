import { algorithmOf, type DiffId, type Digest, Verifier } from "../../digest/mod.ts";
import { guarded, guardedSync } from "../../linux/mod.ts";
import type { Tree } from "../../tree/mod.ts";
import type { Blobs, LayerReader, Layers } from "../contract.ts";
import type { BlobRecord, LayerRecord } from "../records.ts";
import { MAX_DOCUMENT, notFound, tooLarge } from "../rules.ts";
import { checkRun, checkRunOf, type OpenBlobOptions, pastEnd } from "../runs.ts";
import { abortable, verified } from "../streams.ts";
import type { Disk } from "./context.ts";
import { blobDamage, hasSize, layerDamage, noteDamage, raise } from "./damage.ts";
import { type BlobRow, type LayerRow, toBlob, toLayer } from "./database/records.ts";
import { fileStream, readAt, WindowReader } from "./files.ts";
import { LAYER_FILES } from "./names.ts";

/**
 * Largest document, in bytes, that is read at once and not by another thread of Deno, which takes several times as long.
 */
const SMALL = 64 * 1024;

interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The blobs of a disk store: files of an OCI image layout. */
export class DiskBlobs implements Blobs {
  readonly #disk: Disk;

  /** Reads an open store. */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  stat(digest: Digest): BlobRecord | undefined {
    const row = blobRow(this.#disk, digest);
    return row === undefined ? undefined : toBlob(row);
  }

  async read(digest: Digest, maxBytes: number = MAX_DOCUMENT): Promise<Uint8Array> {
    const { size } = this.#get(digest);
    if (size > maxBytes) throw tooLarge(digest, size, maxBytes);
    const bytes = size <= SMALL ? this.#small(digest, size) : await this.#large(digest, size);
    const verifier = new Verifier({ digest, size });
    try {
      verifier.update(bytes);
      verifier.finish();
    } catch (error) {
      noteDamage(this.#disk, digest);
      throw error;
    }
    return bytes;
  }

  async open(digest: Digest, options: OpenBlobOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    const { size } = this.#get(digest);
    const { run, signal } = options;
    if (run !== undefined) checkRunOf(size, run);
    const file = await this.#file(digest);
    if (run === undefined) {
      const onDamage = () => noteDamage(this.#disk, digest);
      return verified(fileStream(file), { digest, size }, { ...options, onDamage });
    }
    await file.seek(run.start, Deno.SeekMode.Start);
    return abortable(fileStream(file, run.end - run.start), signal);
  }

  list(): BlobRecord[] {
    return this.#disk.db.all<BlobRow>("SELECT * FROM blob ORDER BY digest").map(toBlob);
  }

  #small(digest: Digest, size: number): Uint8Array {
    const bytes = readSmall(this.#disk.paths.blob(digest), size + 1, `blob ${digest}`);
    return bytes ?? raise(blobDamage(this.#disk, digest, "its file is missing"));
  }

  async #large(digest: Digest, size: number): Promise<Uint8Array> {
    using file = await this.#file(digest);
    return await guarded(`read blob ${digest}`, () => readUpTo(file, size + 1));
  }

  #get(digest: Digest): BlobRow {
    const row = blobRow(this.#disk, digest);
    if (row === undefined) throw notFound("blob", digest);
    return row;
  }

  async #file(digest: Digest): Promise<Deno.FsFile> {
    const file = await openFile(this.#disk.paths.blob(digest), `blob ${digest}`);
    return file ?? raise(blobDamage(this.#disk, digest, "its file is missing"));
  }
}

/** The layers of a disk store: directories with a tar and a tree. */
export class DiskLayers implements Layers {
  readonly #disk: Disk;
  readonly #prepareTree: (row: LayerRow) => Promise<void>;

  /** Reads an open store. `prepareTree` derives the tree of a layer again if it has another version. */
  constructor(disk: Disk, prepareTree: (row: LayerRow) => Promise<void>) {
    this.#disk = disk;
    this.#prepareTree = prepareTree;
  }

  get(diffId: DiffId): LayerRecord | undefined {
    const row = namedLayerRow(this.#disk, diffId);
    return row === undefined ? undefined : toLayer(row);
  }

  byBlob(digest: Digest): LayerRecord | undefined {
    const row = layerRowOfBlob(this.#disk, digest);
    return row === undefined ? undefined : toLayer(row);
  }

  blobsOf(diffId: DiffId): Digest[] {
    const rows = this.#disk.db.all<{ digest: string }>(
      "SELECT digest FROM layer_blob WHERE diff_id = ? ORDER BY digest",
      diffId,
    );
    return rows.map((row) => row.digest as Digest);
  }

  async tree(diffId: DiffId): Promise<Tree> {
    // Loaded here, because most commands on a store read no tree. Not later: between its row and its file, a tree may be
    // replaced while something is awaited.
    const { openTree } = await import("../../tree/mod.ts");
    await this.#prepareTree(this.#get(diffId));
    const row = this.#get(diffId);
    const damage = (state: string) => layerDamage(this.#disk, row.diff_id, state);
    const path = `${this.#disk.paths.layer(row.cache_id)}/${LAYER_FILES.tree}`;
    if (!hasSize(path, row.tree_size)) throw damage("its tree is missing or truncated");
    const tree = openTree(
      new WindowReader(path, row.tree_size),
      () => damage("its tree is damaged"),
    );
    if (tree.digest === row.tree_digest) return tree;
    throw damage(`its tree is ${tree.digest}, not ${row.tree_digest}`);
  }

  async open(diffId: DiffId, options: StreamOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    const { row, file } = await this.#tar(diffId);
    const digest = row.diff_id as DiffId;
    const expected = { digest, size: row.size, what: "layer" };
    const onDamage = () => noteDamage(this.#disk, digest);
    return verified(fileStream(file), expected, { ...options, onDamage });
  }

  async reader(diffId: DiffId): Promise<LayerReader> {
    const { row, file } = await this.#tar(diffId);
    return {
      size: row.size,
      read: (position, length) => {
        checkRun(position, length);
        if (position + length > row.size) throw pastEnd(position + length, row.size);
        return readAt(file, position, length);
      },
      noteDamage: () => noteDamage(this.#disk, row.diff_id as DiffId),
      [Symbol.dispose]: once(() => file.close()),
    };
  }

  list(): LayerRecord[] {
    return this.#disk.db.all<LayerRow>("SELECT * FROM layer ORDER BY diff_id").map(toLayer);
  }

  #get(diffId: DiffId): LayerRow {
    const row = namedLayerRow(this.#disk, diffId);
    if (row === undefined) throw notFound("layer", diffId);
    return row;
  }

  async #tar(diffId: DiffId): Promise<{ row: LayerRow; file: Deno.FsFile }> {
    const row = this.#get(diffId);
    const path = `${this.#disk.paths.layer(row.cache_id)}/${LAYER_FILES.tar}`;
    if (!hasSize(path, row.size)) {
      throw layerDamage(this.#disk, row.diff_id, `${path} is missing or truncated`);
    }
    const file = await openFile(path, `layer ${diffId}`);
    if (file === undefined) throw layerDamage(this.#disk, row.diff_id, `${path} is missing`);
    return { row, file };
  }
}

/** The row of a blob, or `undefined`. */
export function blobRow(disk: Disk, digest: Digest): BlobRow | undefined {
  return disk.db.get<BlobRow>("SELECT * FROM blob WHERE digest = ?", digest);
}

/** The row of a layer, or `undefined`. */
export function layerRow(disk: Disk, diffId: DiffId): LayerRow | undefined {
  return disk.db.get<LayerRow>("SELECT * FROM layer WHERE diff_id = ?", diffId);
}

/**
 * Finds the row of a layer by its SHA-256 diffID, or by a proved diffID of another algorithm.
 * For another algorithm, the key of the row differs from `diffId`: it is a SHA-256.
 */
export function provedLayerRow(disk: Disk, diffId: DiffId): LayerRow | undefined {
  if (algorithmOf(diffId) === "sha256") return layerRow(disk, diffId);
  return disk.db.get<LayerRow>(
    "SELECT layer.* FROM layer JOIN layer_name USING (diff_id) WHERE layer_name.name = ?",
    diffId,
  );
}

/**
 * Finds the row of a layer by a diffID of any algorithm. In an old store, the key of a row may be a
 * SHA-512. Such a row is used until it is noted as damaged and an ingest has brought the layer again.
 */
export function namedLayerRow(disk: Disk, diffId: DiffId): LayerRow | undefined {
  const own = layerRow(disk, diffId);
  if (own !== undefined && own.verified_at !== 0) return own;
  return provedLayerRow(disk, diffId) ?? own;
}

/** The row of the layer that a blob was proved to hold, or `undefined`. */
export function layerRowOfBlob(disk: Disk, digest: Digest): LayerRow | undefined {
  return disk.db.get<LayerRow>(
    "SELECT layer.* FROM layer JOIN layer_blob USING (diff_id) WHERE layer_blob.digest = ?",
    digest,
  );
}

async function openFile(path: string, what: string): Promise<Deno.FsFile | undefined> {
  try {
    return await guarded(`open ${what}`, () => Deno.open(path, { read: true }));
  } catch (error) {
    if ((error as Error).cause instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads at most `limit` bytes of a file; `undefined` when it is missing. */
function readSmall(path: string, limit: number, what: string): Uint8Array | undefined {
  return guardedSync(`read ${what}`, () => {
    try {
      using file = Deno.openSync(path, { read: true });
      const bytes = new Uint8Array(limit);
      let length = 0;
      for (let count: number | null = 1; length < limit && count !== null; length += count ?? 0) {
        count = file.readSync(bytes.subarray(length));
      }
      return bytes.subarray(0, length);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  });
}

async function readUpTo(file: Deno.FsFile, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(limit);
  let length = 0;
  while (length < limit) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

function once(fn: () => void): () => void {
  let done = false;
  return () => {
    if (!done) fn();
    done = true;
  };
}
