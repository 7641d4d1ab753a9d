import type { ByteString } from "../../bytes/mod.ts";
import { type Fd, Open, openBeneath, Resolve } from "../../linux/mod.ts";
import { DescriptorCache } from "./descriptor_cache.ts";

/** Below the target, through nothing but directories of its own file system. */
const RESOLVE = Resolve.BENEATH | Resolve.NO_SYMLINKS | Resolve.NO_MAGICLINKS | Resolve.NO_XDEV;

/** Descriptors kept; also how far a walk may go up and down without opening again. */
const KEPT = 24;

/** With a name of 255 bytes more, a path still fits into PATH_MAX. */
const STEP = 3800;

/** The directories below a target, by path, opened safely and kept for a while. */
export class TargetDirectories implements Disposable {
  /** The target itself. */
  readonly root: Fd;
  readonly #cache = new DescriptorCache<ByteString>(KEPT);
  #path: ByteString = "" as ByteString;
  #fd: Fd;

  /** Works below a descriptor, which stays the caller's. */
  constructor(root: Fd) {
    this.root = root;
    this.#fd = root;
  }

  /** A descriptor (`O_PATH`) of a directory, valid until the next call. */
  at(path: ByteString): Fd {
    if (path === this.#path) return this.#fd;
    this.#fd = this.#find(path);
    this.#path = path;
    return this.#fd;
  }

  /** Opens a directory for changing its own attributes; the caller closes it. */
  openForAttributes(path: ByteString): Fd {
    const [base, rest] = this.#split(path);
    // The steps may have closed what `at` gave last.
    this.#path = "" as ByteString;
    this.#fd = this.root;
    return openBeneath(base, rest === "" ? "." as ByteString : rest, {
      flags: Open.READ | Open.DIRECTORY,
      resolve: RESOLVE,
    });
  }

  /** Closes what was opened. */
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

  /** A path longer than the kernel takes is walked in steps, whose ends are the same for all paths below. */
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
