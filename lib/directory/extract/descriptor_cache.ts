import { closeFd, type Fd } from "../../linux/mod.ts";

/** Descriptors by key, the least recently used closed first; closes all of them at the end. */
export class DescriptorCache<K> implements Disposable {
  readonly #open = new Map<K, Fd>();
  readonly #capacity: number;

  /** Makes an empty cache. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The descriptor of a key, opened when it is not there. It stays open until `capacity` others were used. */
  get(key: K, open: (key: K) => Fd): Fd {
    const known = this.#open.get(key);
    if (known !== undefined) {
      // A Map keeps its order of insertion: the last is the most recently used.
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

  /** Closes all. */
  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) closeFd(fd);
    this.#open.clear();
  }
}
