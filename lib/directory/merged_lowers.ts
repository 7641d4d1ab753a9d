import type { ByteString } from "../bytes/mod.ts";
import {
  CWD,
  type Fd,
  getXattrFd,
  openDirectoryAt,
  ownFd,
  readLinkAt,
  statFd,
  tryStatAt,
} from "../linux/mod.ts";
import { type Places, resolveIn, unlessLost } from "../tree/internal.ts";
import type { DirectoryNode } from "../tree/mod.ts";
import { NodeReader } from "./scan/node_reader.ts";
import { isOpaqueMark, OPAQUE_MARK } from "./scan/overlay_marks.ts";

/** An entry of the merged view: a directory with those that are merged in it, topmost first, or another entry. */
interface Place {
  /** Open directories; empty for an entry that is not a directory. */
  readonly directories: readonly Fd[];
  /** Target of a symbolic link. */
  readonly target: ByteString | undefined;
}

/**
 * The directories of an overlay, as overlayfs would merge them: lowers hide each other's entries by whiteouts, opaque
 * directories and entries of another type. Nothing is mounted. A look-up reads only what is on its path.
 */
export class MergedLowers implements Places<Place>, Disposable {
  readonly root: Place;
  readonly #reader = new NodeReader("overlay", {});
  readonly #owned = new DisposableStack();
  /** What the look-up that is under way has opened. */
  #open = new DisposableStack();

  /** Opens lowers, topmost first. @throws {VarveError} `E_SYSCALL` */
  constructor(lowers: readonly ByteString[]) {
    try {
      const directories = lowers.map((path) =>
        this.#owned.use(ownFd(openDirectoryAt(CWD, path))).fd
      );
      this.root = { directories, target: undefined };
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
  }

  /**
   * The directory to which a path leads, with the attributes that an overlay shows. Symbolic links are followed inside
   * of the view. `undefined` when the path leads to no directory.
   *
   * @throws {VarveError} `E_PRECONDITION` the entries of a directory lie elsewhere · `E_SYSCALL`
   */
  directory(path: ByteString): DirectoryNode | undefined {
    using _ = this.#open = new DisposableStack();
    const [top] = unlessLost(() => resolveIn<Place>(this, path, true))?.at.directories ?? [];
    return top === undefined ? undefined : this.#reader.directory(top, statFd(top), path, {});
  }

  find({ directories }: Place, name: ByteString): Place | undefined {
    const found: Fd[] = [];
    for (const directory of directories) {
      const stat = tryStatAt(directory, name);
      if (stat === undefined) continue;
      if (stat.type !== "directory") {
        if (found.length > 0) break;
        const entry = this.#reader.entry(directory, name, stat, name, undefined);
        if (entry?.type === "whiteout") return undefined;
        const target = stat.type === "symlink" ? readLinkAt(directory, name) : undefined;
        return { directories: [], target };
      }
      const { fd } = this.#open.use(ownFd(openDirectoryAt(directory, name)));
      found.push(fd);
      if (isOpaqueMark(getXattrFd(fd, OPAQUE_MARK))) break;
    }
    return found.length === 0 ? undefined : { directories: found, target: undefined };
  }

  isDirectory({ directories }: Place): boolean {
    return directories.length > 0;
  }

  linkTarget({ target }: Place): ByteString | undefined {
    return target;
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
