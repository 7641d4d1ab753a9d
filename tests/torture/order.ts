/**
 * Checks the order of a command's calls: data is synced before a file gets its final name, the name before the
 * database's commit that relies on it, and all before the command ends. No replay of a disk shows a missing sync of a
 * directory, because the next sync of a journal does that, too.
 */
import type { Call } from "../support/faults/supervisor.ts";

/** A file or a directory, under whatever name. */
interface Inode {
  /** The call since which bytes or attributes are not synced. */
  dirty: string | undefined;
  /** Of a directory: names that are not synced, with the call that made each. */
  readonly names: Map<string, string>;
}

/** Parts of a store that hold nothing that lasts: staged, removed, or rebuilt at the next start. */
const PASSING = /^(ingest|trash|mounts|reserve[^/]*|meta\.db[^/]*|store\.lock|[^/]*\.lock)(\/|$)/;

/**
 * What a start makes if it is missing. It is synced at the first use, before anything is put below it; nothing relies
 * on it earlier.
 */
const STRUCTURE =
  /^(content|content\/oci-layout|content\/blobs|content\/blobs\/sha256|layers|chains|snapshots)$/;

/**
 * What programs write into a read-write layer: only they can know whether it must last. And the stubs of a container:
 * a run makes those again that are missing.
 */
const INSIDE = /^snapshots\/[0-9]+\/((fs|work)\/|init(\/|$))/;

/** Markers whose mtime is the time of the last use. */
const USED = /\/(layers|chains)\/[0-9]+\/marker$/;

/** What drivers derive of a layer or a chain: no row names it. */
const DERIVED = /^(layers|chains)\/[0-9]+\/(fs|erofs)(\/|$)/;

/** Where a command ran. */
export interface OrderScene {
  /** The root of the store. */
  readonly root: string;
  /** All paths that were there before. */
  readonly existing: ReadonlySet<string>;
}

/** Gives what is out of order, a line each. */
export function orderFindings(calls: readonly Call[], scene: OrderScene): string[] {
  const checker = new OrderChecker(scene);
  for (const call of calls) checker.see(call);
  checker.end();
  return [...new Set(checker.findings)];
}

class OrderChecker {
  readonly findings: string[] = [];
  readonly #scene: OrderScene;
  readonly #inodes = new Map<string, Inode>();
  /** Whether the database has bytes that are not synced. */
  #writing = false;
  /** Whether the database was committed. */
  #committed = false;
  /** Whether something has got its final name in the store. */
  #placed = false;

  constructor(scene: OrderScene) {
    this.#scene = scene;
  }

  see({ name, paths: [from = "", to = from] }: Call): void {
    const { root } = this.#scene;
    switch (name) {
      case "open":
        if (this.#isNew(from)) {
          this.#name(from, "open");
          this.#inode(from).dirty = "open";
        }
        break;
      case "mkdir":
      case "mknod":
      case "symlink":
        if (this.#isNew(from)) this.#name(from, name);
        break;
      case "write":
      case "copy":
      case "truncate":
      case "fallocate":
      case "chmod":
      case "chown":
      case "utime":
      case "setxattr":
        // The time of the last use may be lost.
        if (name === "utime" && USED.test(from)) break;
        if (from === `${root}/meta.db-wal`) this.#writing = true;
        // A directory's mode is set just after it was made.
        this.#inode(from).dirty ??= name;
        break;
      case "link":
        this.#inodes.set(to, this.#inode(from));
        this.#name(to, "link");
        break;
      case "rename":
        this.#rename(from, to);
        break;
      case "unlink":
      case "rmdir":
        this.#remove(from);
        break;
      case "sync":
        if (from === `${root}/meta.db-wal` && this.#writing) this.#commit();
        this.#clean(this.#inode(from));
        break;
      case "syncfs":
        for (const inode of this.#inodes.values()) this.#clean(inode);
        break;
    }
  }

  /** Nothing may be left to be synced. */
  end(): void {
    this.#demand("at the end", () => true);
  }

  #commit(): void {
    this.#demand(
      "when the database is committed",
      (path) => this.#inStore(path) !== undefined && (this.#placed || !this.#isStructure(path)),
    );
    this.#writing = false;
    this.#committed = true;
  }

  #demand(when: string, concerns: (path: string) => boolean): void {
    for (const [path, { dirty, names }] of this.#inodes) {
      if (!concerns(path)) continue;
      if (dirty !== undefined && this.#lasts(path)) {
        this.#find(path, `${dirty} is not synced ${when}`);
      }
      for (const [name, call] of names) {
        const whole = `${path}/${name}`;
        if (this.#lasts(whole)) this.#find(whole, `the name by ${call} is not synced ${when}`);
      }
    }
  }

  #rename(from: string, to: string): void {
    const isStructure = this.#isStructure(to);
    if (this.#inStore(to) !== undefined && this.#lasts(to) && !isStructure) this.#placed = true;
    const moved = [...this.#inodes].filter(([path]) =>
      path === from || path.startsWith(`${from}/`)
    );
    for (const [path, inode] of moved) {
      this.#inodes.delete(path);
      const target = `${to}${path.slice(from.length)}`;
      this.#inodes.set(target, inode);
      if (!this.#lasts(target) || isStructure) continue;
      if (inode.dirty !== undefined) {
        this.#find(target, `${inode.dirty} is not synced before rename`);
      }
      for (const name of inode.names.keys()) {
        const whole = `${target}/${name}`;
        if (this.#lasts(whole)) this.#find(whole, "the name is not synced before rename");
      }
    }
    this.#inodes.get(parentOf(from))?.names.delete(nameOf(from));
    this.#name(to, "rename");
    const isRemoved = to.startsWith(`${this.#scene.root}/trash/`);
    const hasRow = this.#lasts(from) && !DERIVED.test(this.#inStore(from) ?? "");
    if (isRemoved && hasRow && !this.#committed) {
      this.#find(from, "removed before its row");
    }
  }

  #remove(path: string): void {
    for (const known of [...this.#inodes.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) this.#inodes.delete(known);
    }
    this.#inodes.get(parentOf(path))?.names.delete(nameOf(path));
  }

  #name(path: string, call: string): void {
    this.#inode(path);
    this.#inode(parentOf(path)).names.set(nameOf(path), call);
  }

  #isNew(path: string): boolean {
    return !this.#inodes.has(path) && !this.#scene.existing.has(path);
  }

  #inode(path: string): Inode {
    let inode = this.#inodes.get(path);
    if (inode === undefined) this.#inodes.set(path, inode = { dirty: undefined, names: new Map() });
    return inode;
  }

  #clean(inode: Inode): void {
    inode.dirty = undefined;
    inode.names.clear();
  }

  /** Whether what a path holds must outlast a loss of power. */
  #lasts(path: string): boolean {
    const inStore = this.#inStore(path);
    // What is not finished has a name that begins with a dot.
    if (inStore === undefined) return !this.#beside(path).includes("/.");
    return !PASSING.test(inStore) && !INSIDE.test(inStore);
  }

  #isStructure(path: string): boolean {
    return STRUCTURE.test(this.#inStore(path) ?? "");
  }

  /** A path beside the store, relative to the directory that holds the store. */
  #beside(path: string): string {
    const parent = parentOf(this.#scene.root);
    return path.startsWith(`${parent}/`) ? path.slice(parent.length) : path;
  }

  /** A path in the store, relative to its root. */
  #inStore(path: string): string | undefined {
    const { root } = this.#scene;
    return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;
  }

  #find(path: string, what: string): void {
    this.findings.push(`${this.#beside(path).replace(/^\//, "")}: ${what}`);
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
