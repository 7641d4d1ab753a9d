/**
 * From the bytes of a layer tar to its tree: the parse, the digest of each
 * file, the rules of layers. Free of effects.
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

/** How a {@linkcode LayerScanner} works; all is optional. */
export interface LayerScannerOptions {
  /** Policy, where it is not the default. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits of the layer, where they are not the defaults. The archive's limits on entries and paths follow them. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** Limits of the archive, where they are not the defaults. */
  readonly tarLimits?: Partial<TarLimits> | undefined;
  /** Whether to hash each file; true when absent. Without it the tree's digest means nothing: for measurements. */
  readonly fileDigests?: boolean | undefined;
}

/**
 * Scans an uncompressed layer tar, in chunks of any size, into a layer tree.
 *
 * Nothing of the content is kept. However the bytes are cut, the tree is the same.
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

  /** Begins an empty layer. @throws {RangeError} when a limit is no limit */
  constructor(options: LayerScannerOptions = {}) {
    const { policy, limits, tarLimits, fileDigests = true } = options;
    this.#builder = new LayerBuilder({ policy, limits });
    this.#files = new FileHandler(this.#builder, fileDigests);
    this.#reader = new TarReader(this.#files, {
      limits: {
        entries: limits?.entries ?? DEFAULT_TAR_LIMITS.entries,
        pathBytes: limits?.path ?? DEFAULT_TAR_LIMITS.pathBytes,
        ...tarLimits,
      },
    });
  }

  /** Entries that were read. */
  get entries(): number {
    return this.#reader.entries;
  }

  /**
   * Takes the next bytes; keeps no reference to them.
   *
   * @throws {VarveError} what the archive's reader and the layer's rules refuse (exit codes 7 and 8); after it the scanner is of no use
   */
  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /**
   * Ends the layer; `diffId`, the digest of all bytes, says where the files' content lies.
   *
   * @throws {VarveError} `E_TRUNCATED` when the archive is cut, or as {@linkcode LayerScanner.push}
   */
  finish(diffId: DiffId): ScannedLayer {
    this.#reader.end();
    return { ...this.#builder.finish(diffId), dirtyPadding: this.#files.dirty };
  }
}

/** What a scan gives. */
export interface ScannedLayer extends BuiltLayer {
  /** Files with bytes other than NUL between their end and the next block. */
  readonly dirtyPadding: { readonly count: number; readonly example: ByteString } | null;
}

/** Stands for the digest of a file that is not hashed; a tree refuses zeros. */
const UNKNOWN = new Uint8Array(32).fill(0xff);

/** Tells the builder the entries, and the digest of each file whose content it wants. */
class FileHandler implements TarHandler {
  dirty: { count: number; readonly example: ByteString } | null = null;
  readonly #builder: LayerBuilder;
  readonly #fileDigests: boolean;
  /** Of the current entry. */
  #path: ByteString = "" as ByteString;
  #size = 0;
  /** Whether the builder waits for its content. */
  #due = false;
  #digest: Uint8Array | null = null;
  #hasher: Hasher | null = null;

  constructor(builder: LayerBuilder, fileDigests: boolean) {
    this.#builder = builder;
    this.#fileDigests = fileDigests;
  }

  entry(entry: Entry): void {
    this.#path = entry.path;
    this.#size = entry.size;
    this.#due = this.#builder.entry(entry);
  }

  data(chunk: Uint8Array): void {
    if (!this.#due) return;
    if (!this.#fileDigests) {
      this.#digest = UNKNOWN;
      return;
    }
    // Most files lie whole in one chunk, and a hash in one call costs half as much as three calls.
    if (chunk.length === this.#size && this.#hasher === null) this.#digest = sha256Bytes(chunk);
    else (this.#hasher ??= createHasher()).update(chunk);
  }

  hole(length: number): void {
    for (const piece of zeros(length)) this.data(piece);
  }

  endEntry(): void {
    if (!this.#due) return;
    this.#builder.content(this.#hasher?.bytes() ?? this.#digest);
    this.#due = false;
    this.#digest = null;
    this.#hasher = null;
  }

  dirtyPadding(): void {
    if (this.dirty === null) this.dirty = { count: 1, example: this.#path };
    else this.dirty.count++;
  }
}
