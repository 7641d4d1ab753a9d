import { closeFd, type Fd } from "../../linux/mod.ts";

/**
 * Open descriptors by key. When there are too many, it closes the least recently used descriptor.
 * Disposing it closes all.
 */
export class DescriptorCache<K> implements Disposable {
  readonly #open = new Map<K, Fd>();
  readonly #capacity: number;

  /** Makes an empty cache for `capacity` descriptors. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * The descriptor of a key; opens it when it is missing. It stays open until `capacity` other keys
   * were used.
   */
  get(key: K, open: (key: K) => Fd): Fd {
    const known = this.#open.get(key);
    if (known !== undefined) {
      // A Map keeps the order of insertion, so its last entry is the most recently used.
      this.#open.delete(key);
      this.#open.set(key, known);
      return known;
    }
    const fd = open(key);
    this.#open.set(key, fd);
    if (this.#open.size > this.#capacity) {
      const [oldest, oldestFd] = this.#open.entries().next().value as [K, Fd];
      this.#open.delete(oldest);
      closeFd(oldestFd);
    }
    return fd;
  }

  /** Closes all descriptors. */
  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) closeFd(fd);
    this.#open.clear();
  }
}
