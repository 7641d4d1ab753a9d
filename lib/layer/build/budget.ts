import type { ByteString } from "../../bytes/mod.ts";
import type { VarveError } from "../../errors.ts";
import { shownPath } from "./path.ts";
import { type LayerLimits, limitError } from "../limits.ts";

const KIB = 1024;
/** Length of a path above which it counts. Linux takes no longer path in one call. */
const PATH_MAX = 4096;

/**
 * Number of entries that an implied directory stands for in `entryRatio`. It compresses to almost
 * nothing, and each verb takes about this many times as long for it as for a file, and more memory.
 */
const IMPLIED_WEIGHT = 4;

/**
 * How far a layer exceeds what `entryRatio` and `metadataRatio` ({@linkcode LayerLimits}) allow for
 * its compressed size.
 */
export interface BeyondRatio {
  /** Number of entries beyond `entryRatio`. */
  readonly entries: number;
  /** Bytes of metadata beyond `metadataRatio`. */
  readonly metadata: number;
  /** Number of entries as `entryRatio` counts them: an implied directory counts as 4. */
  readonly counted: number;
}

/** Counts what one layer uses, so that many small entries cannot exceed the limits together. */
export class Budget {
  /** The limits that are enforced. */
  readonly limits: LayerLimits;
  #entries = 0;
  #metadata = 0;
  #walked = 0;
  #implied = 0;
  #long = 0;
  #steps = 0;
  /** Number of entries as `entryRatio` counts them. */
  #counted = 0;
  /** Maximum of `#counted`, by the size of the compressed layer. */
  #mostCounted = Infinity;
  #mostMetadata = Infinity;

  /** @param blobSize size of the compressed layer in bytes, if it is known */
  constructor(limits: LayerLimits, blobSize: number = Infinity) {
    this.limits = limits;
    this.#allow(blobSize);
  }

  /** Counts an entry, or a parent that has no entry of its own. @throws {VarveError} `E_LIMIT` */
  entry(path: ByteString): void {
    this.#entries++;
    this.#counted++;
    if (this.#hasTooMany()) throw this.#tooMany(shownPath(path));
  }

  /** Counts bytes of names and attributes that the tree keeps. @throws {VarveError} `E_LIMIT` */
  metadata(bytes: number, path: ByteString): void {
    this.#metadata += bytes;
    if (this.#metadata > this.#mostMetadata) throw this.#tooLarge(shownPath(path));
  }

  /**
   * Counts bytes of a path that is walked from the root. They have the same limits as the bytes of
   * names, because a path of 64 KiB compresses to almost nothing and takes 32,000 steps.
   *
   * @throws {VarveError} `E_LIMIT`
   */
  walk(path: ByteString): void {
    this.#walked += path.length;
    if (this.#walked > this.#mostMetadata) throw this.#tooLarge(shownPath(path));
  }

  /**
   * Counts an implied directory, and the bytes of its path. One path in an archive can make a
   * directory on each of its levels. Every verb that shows, exports or unpacks the tree handles the
   * whole path of each directory, so the cost grows with the square of the path's length. These
   * bytes have the same limits as the bytes of names.
   *
   * @throws {VarveError} `E_LIMIT`
   */
  implied(length: number, path: ByteString): void {
    this.#counted += IMPLIED_WEIGHT - 1;
    this.entry(path);
    this.#implied += length;
    if (this.#implied > this.#mostMetadata) throw this.#tooLarge(shownPath(path));
  }

  /**
   * Checks the length of a path with the symbolic links of the layer resolved, and counts a long
   * one. An entry of a few bytes may be deep below such a link, and a tar of the tree repeats its
   * whole path. These bytes have the same limits as the bytes of names.
   *
   * @throws {VarveError} `E_NAME_TOO_LONG`, `E_LIMIT`
   */
  resolved(length: number, path: ByteString): void {
    const { limits } = this;
    if (length > limits.path) {
      throw limitError("path", limits.path, shownPath(path), "E_NAME_TOO_LONG");
    }
    if (length <= PATH_MAX) return;
    this.#long += length;
    if (this.#long > this.#mostMetadata) throw this.#tooLarge(shownPath(path));
  }

  /**
   * Checks the counts against the size of the compressed layer, which may be known only now.
   *
   * @throws {VarveError} `E_LIMIT`
   */
  judge(blobSize: number): void {
    this.#allow(blobSize);
    if (this.#hasTooMany()) throw this.#tooMany("");
    if (this.#most() > this.#mostMetadata) throw this.#tooLarge("");
  }

  /**
   * How far the layer exceeds its ratios. All layers of one call, such as a pull, share
   * `entryRatioFrom` and `metadataRatioFrom`. So the caller subtracts the result from these limits
   * for the next layer.
   *
   * @param blobSize size of the compressed layer in bytes
   */
  beyondRatio(blobSize: number): BeyondRatio {
    const { entryRatio, metadataRatio } = this.limits;
    const metadata = this.#most();
    const counted = this.#counted;
    const beyond = Math.max(0, counted - Math.floor(blobSize / KIB * entryRatio));
    return {
      entries: beyond,
      metadata: Math.max(0, metadata - blobSize * metadataRatio),
      counted,
    };
  }

  /** The largest of the counts that have the limits of metadata. */
  #most(): number {
    return Math.max(this.#metadata, this.#walked, this.#implied, this.#long);
  }

  #allow(blobSize: number): void {
    this.#mostCounted = Math.floor(blobSize / KIB * this.limits.entryRatio);
    const { metadata, metadataRatio, metadataRatioFrom } = this.limits;
    this.#mostMetadata = Math.min(metadata, Math.max(metadataRatioFrom, blobSize * metadataRatio));
  }

  #hasTooMany(): boolean {
    const { entries, entryRatioFrom } = this.limits;
    return this.#entries > entries ||
      this.#counted > entryRatioFrom && this.#counted > this.#mostCounted;
  }

  #tooMany(subject: string): VarveError {
    const { limits } = this;
    return this.#entries > limits.entries
      ? limitError("entries", limits.entries, subject)
      : limitError("entryRatio", limits.entryRatio, subject);
  }

  #tooLarge(subject: string): VarveError {
    const { limits } = this;
    return this.#most() > limits.metadata
      ? limitError("metadata", limits.metadata, subject)
      : limitError("metadataRatio", limits.metadataRatio, subject);
  }

  /** Counts parts of link targets that were walked. @throws {VarveError} `E_LIMIT` */
  steps(count: number, path: ByteString): void {
    this.#steps += count;
    if (this.#steps > this.limits.linkSteps) {
      throw limitError("linkSteps", this.limits.linkSteps, shownPath(path));
    }
  }
}
