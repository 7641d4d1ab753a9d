import { type ByteString, escapeForTerminal } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import {
  chmodAt,
  chownAt,
  copyRange,
  type DirectoryEntry,
  type Fd,
  getXattrAt,
  linkAt,
  listXattrAt,
  mkdirAt,
  mknodAt,
  Open,
  openAt,
  openDirectoryAt,
  ownFd,
  readLinkAt,
  seekFd,
  setXattrAt,
  type Stat,
  statAt,
  symlinkAt,
  truncateFd,
  utimensAt,
} from "../linux/mod.ts";
import { copyAttributesFd, isOverlays, type Owner } from "./copy_attributes.ts";
import { DirectoryStack } from "./directory_stack.ts";
import { type DirectoryVisitor, walkDirectory } from "./walk_directory.ts";

/** The first copied name of an inode that has several names. */
interface FirstName {
  readonly directory: readonly ByteString[];
  readonly name: ByteString;
}

/** Options of {@linkcode copyDirectory}. */
export interface CopyOptions {
  /** Called before each name, and within large files; if it throws, the copy ends with that error. */
  readonly checkpoint?: (() => void) | undefined;
  /**
   * Whether to copy the extended attributes that overlayfs uses for itself, so that the copy of an upper directory is
   * one, too. Default: false.
   */
  readonly keepsOverlays?: boolean | undefined;
  /** The owner of everything that is copied. Default: the owner of each file. */
  readonly owner?: Owner | undefined;
  /** Whether to refuse devices that are whiteouts of overlayfs. Default: false. */
  readonly refusesWhiteouts?: boolean | undefined;
}

/**
 * Copies a directory's content and attributes into an existing, empty directory: data, hard links,
 * symbolic links, devices, FIFOs, owners, modes, xattrs and times. Holes stay holes, and data is
 * shared where the file system can do so. Sockets are left out: they are useless without the
 * process that made them.
 */
export function copyDirectory(from: Fd, to: Fd, options: CopyOptions = {}): void {
  using copy = new Copy(to, options);
  walkDirectory(from, copy, options.checkpoint);
}

/** Copies one name of a directory, and everything below it, as {@linkcode copyDirectory} does, under the same name. */
export function copyName(from: Fd, name: ByteString, to: Fd, options: CopyOptions = {}): void {
  const { type } = statAt(from, name);
  if (type === "directory") {
    using source = ownFd(openDirectoryAt(from, name));
    mkdirAt(to, name, 0o700);
    using target = ownFd(openDirectoryAt(to, name));
    return copyDirectory(source.fd, target.fd, options);
  }
  using copy = new Copy(to, options);
  copy.entry(from, { name, type });
}

class Copy implements DirectoryVisitor, Disposable {
  readonly #root: Fd;
  readonly #target: DirectoryStack;
  readonly #path: ByteString[] = [];
  readonly #firstNames = new Map<string, FirstName>();

  readonly #keepsOverlays: boolean;
  readonly #owner: Owner | undefined;
  readonly #refusesWhiteouts: boolean;
  readonly #checkpoint: (() => void) | undefined;

  constructor(
    root: Fd,
    { checkpoint, keepsOverlays = false, owner, refusesWhiteouts = false }: CopyOptions,
  ) {
    this.#checkpoint = checkpoint;
    this.#refusesWhiteouts = refusesWhiteouts;
    this.#root = root;
    this.#keepsOverlays = keepsOverlays;
    this.#owner = owner;
    this.#target = new DirectoryStack(root);
  }

  entry(source: Fd, { name, type }: DirectoryEntry): void {
    const target = this.#target.fd;
    if (type === "directory") return mkdirAt(target, name, 0o700);
    const stat = statAt(source, name);
    if (stat.type === "socket" || this.#linked(stat, target, name)) return;
    if (stat.type === "file") this.#file(source, target, name, stat.size);
    else this.#special(source, target, name, stat);
  }

  enter(name: ByteString): void {
    this.#target.enter(name);
    this.#path.push(name);
  }

  leave(source: Fd): void {
    // Set attributes last, because every new name changes the directory's mtime.
    copyAttributesFd(source, this.#target.fd, this.#keepsOverlays, this.#owner);
    if (this.#path.pop() !== undefined) this.#target.leave();
  }

  [Symbol.dispose](): void {
    this.#target[Symbol.dispose]();
  }

  /** Makes a hard link when the inode was copied under another name; returns false when it was not. */
  #linked(stat: Stat, target: Fd, name: ByteString): boolean {
    if (stat.nlink < 2) return false;
    const inode = `${stat.device} ${stat.inode}`;
    const first = this.#firstNames.get(inode);
    if (first === undefined) {
      this.#firstNames.set(inode, { directory: [...this.#path], name });
      return false;
    }
    using way = new DirectoryStack(this.#root);
    for (const part of first.directory) way.enter(part);
    linkAt(way.fd, first.name, target, name);
    return true;
  }

  #file(source: Fd, target: Fd, name: ByteString, size: number): void {
    using from = ownFd(openAt(source, name, Open.READ | Open.NO_FOLLOW));
    using to = ownFd(
      openAt(target, name, Open.WRITE | Open.CREATE | Open.EXCLUSIVE | Open.NO_FOLLOW, 0o600),
    );
    for (let at = 0; at < size;) {
      const data = seekFd(from.fd, at, "data");
      if (data < 0 || data >= size) break;
      at = Math.min(seekFd(from.fd, data, "hole"), size);
      copyRange(from.fd, data, to.fd, data, at - data, this.#checkpoint);
    }
    truncateFd(to.fd, size);
    copyAttributesFd(from.fd, to.fd, this.#keepsOverlays, this.#owner);
  }

  #special(source: Fd, target: Fd, name: ByteString, stat: Stat): void {
    const { type, mode, mtime, major, minor } = stat;
    const { uid, gid } = this.#owner ?? stat;
    if (this.#refusesWhiteouts && type === "char" && major === 0 && minor === 0) {
      const subject = escapeForTerminal(name);
      throw new VarveError("E_TYPE", `Cannot copy ${subject}: it is a whiteout of overlayfs`, {
        subject,
      });
    }
    if (type === "symlink") symlinkAt(readLinkAt(source, name), target, name);
    else if (type === "fifo") mknodAt(target, name, type, 0o600);
    else if (type === "char" || type === "block") mknodAt(target, name, type, 0o600, major, minor);
    else throw new TypeError(`Cannot copy ${name}: its type is not known`);
    chownAt(target, name, uid, gid);
    for (const xattr of listXattrAt(source, name)) {
      const value = isOverlays(xattr) && !this.#keepsOverlays
        ? undefined
        : getXattrAt(source, name, xattr);
      if (value !== undefined) setXattrAt(target, name, xattr, value);
    }
    if (type !== "symlink") chmodAt(target, name, mode);
    utimensAt(target, name, mtime);
  }
}
