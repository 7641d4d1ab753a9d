/**
 * Turns the bytes of a layer's tar into its tree: parses the tar, hashes each file and applies the
 * rules of layers. It does no I/O.
 */
import { type ByteString, zeros } from "../bytes/mod.ts";
import {
  DEFAULT_TAR_LIMITS,
  type TarHandler,
  type TarLimits,
  TarReader,
} from "../codec/tar/mod.ts";
import { createHasher, type DiffId, type Hasher, sha256Bytes } from "../digest/mod.ts";
import {
  type BuiltLayer,
  type Entry,
  LayerBuilder,
  type LayerLimits,
  type LayerPolicy,
} from "../layer/mod.ts";

/** Options of a {@linkcode LayerScanner}. */
export interface LayerScannerOptions {
  /** What the layer may hold. Absent fields have defaults. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /**
   * Limits of the layer. The limits on entries and paths apply to the archive too, unless
   * `tarLimits` has others.
   */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** Size of the compressed layer in bytes, if it is known. */
  readonly blobSize?: number | undefined;
  /** Limits of the archive. */
  readonly tarLimits?: Partial<TarLimits> | undefined;
  /**
   * Whether to hash each file; true when absent. If false, the tree's digest is meaningless. Only
   * benches use that.
   */
  readonly fileDigests?: boolean | undefined;
  /**
   * Called for each entry, and often while the tree is made. An error that it throws ends the scan.
   * A few bytes can describe a million directories, so a look between two chunks is not enough.
   */
  readonly checkpoint?: (() => void) | undefined;
}

/**
 * Scans an uncompressed layer tar, in chunks of any size, into a layer tree.
 *
 * It keeps no file contents. The tree does not depend on how the bytes are cut into chunks.
 *
 * @example
 * ```ts ignore
 * const scanner = new LayerScanner();
 * for await (const chunk of tar) scanner.push(chunk);
 * const { tree, warnings } = scanner.finish(diffId);
 * ```
 */
export class LayerScanner {
  readonly #reader: TarReader;
  readonly #builder: LayerBuilder;
  readonly #files: FileHandler;
  readonly #checkpoint: (() => void) | undefined;

  /** @throws {RangeError} when a limit is not a valid number */
  constructor(options: LayerScannerOptions = {}) {
    const { policy, limits, blobSize, tarLimits, fileDigests = true, checkpoint } = options;
    this.#checkpoint = checkpoint;
    this.#builder = new LayerBuilder({ policy, limits, blobSize });
    this.#files = new FileHandler(this.#builder, fileDigests, checkpoint);
    this.#reader = new TarReader(this.#files, {
      limits: {
        entries: limits?.entries ?? DEFAULT_TAR_LIMITS.entries,
        pathBytes: limits?.path ?? DEFAULT_TAR_LIMITS.pathBytes,
        ...tarLimits,
      },
    });
  }

  /** Number of entries so far. */
  get entries(): number {
    return this.#reader.entries;
  }

  /**
   * Takes the next bytes; keeps no reference to them.
   *
   * @throws {VarveError} when the tar is malformed, exceeds a limit or breaks a rule of layers; the
   * scanner cannot be used after that
   */
  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /**
   * Ends the layer. `diffId` is the digest of all bytes; the locators of the files name the layer
   * by it. `blobSize` is the size of the compressed layer in bytes, if it is known.
   *
   * @throws {VarveError} `E_TRUNCATED` when the archive is truncated, or as {@linkcode LayerScanner.push}
   */
  finish(diffId: DiffId, blobSize?: number): ScannedLayer {
    this.#reader.end();
    return {
      ...this.#builder.finish(diffId, blobSize, this.#checkpoint),
      dirtyPadding: this.#files.dirty,
      cutPadding: this.#reader.endsInPadding ? this.#files.path : null,
    };
  }
}

/** Result of a scan. */
export interface ScannedLayer extends BuiltLayer {
  /**
   * Files whose padding to the next block has bytes other than NUL: their number, and the path of
   * the first. `null` when there are none.
   */
  readonly dirtyPadding: { readonly count: number; readonly example: ByteString } | null;
  /** The last entry, if the tar ends inside of the padding after it; otherwise `null`. */
  readonly cutPadding: ByteString | null;
}

/**
 * Stands for the digest of a file that is not hashed. Its bytes are not zeros, because a tree
 * refuses a digest of zeros.
 */
const UNKNOWN = new Uint8Array(32).fill(0xff);

/**
 * Passes each entry to the builder, then the digest of its content if the builder asks for it.
 */
class FileHandler implements TarHandler {
  dirty: { count: number; readonly example: ByteString } | null = null;
  readonly #builder: LayerBuilder;
  readonly #fileDigests: boolean;
  readonly #checkpoint: (() => void) | undefined;
  /** Path of the current entry. */
  path: ByteString = "" as ByteString;
  #size = 0;
  /** Whether the builder waits for the content of the current entry. */
  #due = false;
  #digest: Uint8Array | null = null;
  #hasher: Hasher | null = null;

  constructor(
    builder: LayerBuilder,
    fileDigests: boolean,
    checkpoint: (() => void) | undefined,
  ) {
    this.#builder = builder;
    this.#checkpoint = checkpoint;
    this.#fileDigests = fileDigests;
  }

  entry(entry: Entry): void {
    this.#checkpoint?.();
    this.path = entry.path;
    this.#size = entry.size;
    this.#due = this.#builder.entry(entry);
  }

  data(chunk: Uint8Array): void {
    if (!this.#due) return;
    if (!this.#fileDigests) {
      this.#digest = UNKNOWN;
      return;
    }
    // Most files lie in one chunk. A hash made in one call costs half as much as a hash made in
    // three calls.
    if (chunk.length === this.#size && this.#hasher === null) this.#digest = sha256Bytes(chunk);
    else (this.#hasher ??= createHasher()).update(chunk);
  }

  hole(length: number): void {
    if (!this.#due) return;
    for (const piece of zeros(length)) {
      this.#checkpoint?.();
      this.data(piece);
    }
  }

  endEntry(): void {
    if (!this.#due) return;
    this.#builder.content(this.#hasher?.bytes() ?? this.#digest);
    this.#due = false;
    this.#digest = null;
    this.#hasher = null;
  }

  dirtyPadding(): void {
    if (this.dirty === null) this.dirty = { count: 1, example: this.path };
    else this.dirty.count++;
  }
}
