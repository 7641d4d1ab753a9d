import type { ByteString } from "../../bytes/mod.ts";
import { type Fd, Open, openBeneath, Resolve } from "../../linux/mod.ts";
import { DescriptorCache } from "./descriptor_cache.ts";

/** Resolve paths below the target only, and only through directories of its own file system. */
const RESOLVE = Resolve.BENEATH | Resolve.NO_SYMLINKS | Resolve.NO_MAGICLINKS | Resolve.NO_XDEV;

/**
 * Number of descriptors that are kept open. A walk can go up and down this many levels without
 * opening a directory again.
 */
const KEPT = 24;

/**
 * Maximum length in bytes of one step of a long path. A name of 255 bytes after it still fits into
 * PATH_MAX.
 */
const STEP = 3800;

/** The directories below a target, by path. It opens them safely and keeps some of them open. */
export class TargetDirectories implements Disposable {
  /** The target itself. */
  readonly root: Fd;
  readonly #cache = new DescriptorCache<ByteString>(KEPT);
  #path: ByteString = "" as ByteString;
  #fd: Fd;

  /** Works below a target. The caller keeps ownership of the descriptor. */
  constructor(root: Fd) {
    this.root = root;
    this.#fd = root;
  }

  /** Descriptor (`O_PATH`) of a directory, valid until the next call. */
  at(path: ByteString): Fd {
    if (path === this.#path) return this.#fd;
    this.#fd = this.#find(path);
    this.#path = path;
    return this.#fd;
  }

  /** Opens a directory so that its attributes can be changed. The caller closes it. */
  openForAttributes(path: ByteString): Fd {
    const [base, rest] = this.#split(path);
    // The steps may have closed the descriptor that `at` returned last.
    this.#path = "" as ByteString;
    this.#fd = this.root;
    return openBeneath(base, rest === "" ? "." as ByteString : rest, {
      flags: Open.READ | Open.DIRECTORY,
      resolve: RESOLVE,
    });
  }

  /** Closes all descriptors except the target's descriptor. */
  [Symbol.dispose](): void {
    this.#cache[Symbol.dispose]();
  }

  #find(path: ByteString): Fd {
    if (path === "") return this.root;
    return this.#cache.get(path, () => {
      const [base, rest] = this.#split(path);
      return openBeneath(base, rest, { flags: Open.PATH | Open.DIRECTORY, resolve: RESOLVE });
    });
  }

  /**
   * Splits a path that is too long for the kernel. Returns a directory on the path, and the rest of
   * the path from there. Many paths share that directory, so it is kept open.
   */
  #split(path: ByteString): [base: Fd, rest: ByteString] {
    const whole = Math.floor((path.length - 1) / STEP) * STEP;
    const slash = whole <= 0 ? -1 : path.lastIndexOf("/", whole);
    if (slash <= 0) return [this.root, path];
    return [
      this.#find(path.slice(0, slash) as ByteString),
      path.slice(slash + 1) as ByteString,
    ];
  }
}
