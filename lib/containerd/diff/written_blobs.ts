import type { DiffId, Digest } from "../../digest/mod.ts";

/** Number of blobs that are remembered. */
const MOST = 1_000;

/**
 * The blobs that this process made of layers that the store holds: it hashed both. The store itself records a blob only
 * with the layer that comes with it. After a restart such a blob is read and proved like any other.
 */
export class WrittenBlobs {
  readonly #layers = new Map<Digest, DiffId>();

  /** Remembers of which layer a blob was made, and forgets the oldest one when there are too many. */
  add(digest: Digest, diffId: DiffId): void {
    this.#layers.delete(digest);
    this.#layers.set(digest, diffId);
    if (this.#layers.size <= MOST) return;
    const [oldest] = this.#layers.keys();
    this.#layers.delete(oldest as Digest);
  }

  /** The layer of which a blob was made, if that is known. */
  layerOf(digest: Digest): DiffId | undefined {
    return this.#layers.get(digest);
  }
}
