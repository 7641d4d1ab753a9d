import { type ByteString, equalTimestamps, joinBytes } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { WHITEOUT_PREFIX } from "../../layer/internal.ts";
import { type DirectoryEntry, type Fd, statFd, tryStatAt } from "../../linux/mod.ts";
import { equalAttributes } from "../../tree/internal.ts";
import {
  type DirectoryNode,
  encodeTree,
  type FileNode,
  list,
  lookup,
  type Node,
  rootOf,
  type Tree,
} from "../../tree/mod.ts";
import { entriesWithoutStages } from "../copy_stage.ts";
import type { Stub } from "../stubs.ts";
import { ContentReader } from "./content_reader.ts";
import type { LinkedName, ScanDirectory, ScanPart, ScanPlace } from "./contract.ts";
import { type Found, NodeReader, type NodeRules } from "./node_reader.ts";
import { joinPath, openScanned } from "./open_scanned.ts";
import { PathTreeBuilder } from "./path_tree_builder.ts";
import { sameBytes, sameOutside } from "./equal_nodes.ts";
import { changed, guarded, shown } from "./scan_failure.ts";

/** The rules of a scan. */
export interface ScanRules extends NodeRules {
  /**
   * Stubs among the files. An empty stub is not a change, unless the base has an entry at its path.
   */
  readonly stubs?: readonly Stub[] | undefined;
}

/**
 * Called for each directory with 0, and for each read with the number of bytes. If it throws, the
 * scan ends with that error.
 */
export type Checkpoint = (bytes: number) => void;

/**
 * Compares the entries of some directories with a base.
 *
 * @param base a root tree
 * @throws {VarveError} `E_BUSY` a file changed during the scan · `E_XDEV` a file system is mounted
 * inside · `E_WHITEOUT_NAME` a name that a layer cannot hold · `E_PRECONDITION` an upper directory
 * whose data is in another directory · `E_XATTR` · `E_SYSCALL`
 */
export function scanDirectories(
  place: ScanPlace,
  directories: readonly ScanDirectory[],
  base: Tree,
  rules: ScanRules = {},
  checkpoint: Checkpoint = () => {},
): ScanPart {
  const scan = new Scan(place, base, rules, checkpoint);
  for (const directory of directories) scan.directory(directory);
  return scan.finish();
}

class Scan {
  readonly #place: ScanPlace;
  readonly #base: Tree;
  readonly #checkpoint: Checkpoint;
  readonly #nodes: NodeReader;
  readonly #contents: ContentReader;
  readonly #built = new PathTreeBuilder();
  readonly #links: LinkedName[] = [];
  #bytes = 0;
  readonly #stubs: ReadonlyMap<string, Stub["type"]>;

  constructor(place: ScanPlace, base: Tree, rules: ScanRules, checkpoint: Checkpoint) {
    this.#place = place;
    this.#base = base;
    this.#checkpoint = checkpoint;
    this.#nodes = new NodeReader(place.form, rules);
    this.#contents = new ContentReader(place.root);
    this.#stubs = new Map(rules.stubs?.map(({ path, type }) => [path.slice(1), type]));
  }

  directory(directory: ScanDirectory): void {
    const { path, opaque } = directory;
    this.#checkpoint(0);
    const below = this.#below(directory);
    guarded(path, () => {
      using open = openScanned(this.#place.root, path);
      const before = below.node;
      // An opaque mark that hides nothing is not a change.
      const hides = opaque && before !== undefined && below.names().size > 0;
      const node = this.#nodes.directory(open.fd, statFd(open.fd), path, {
        opaque: hides,
        before,
      });
      const isStub = before === undefined && this.#stubs.get(path) === "directory";
      // A stub directory that is not empty is added with its entries.
      if (!isStub && (before === undefined || hides || !equalAttributes(node, before))) {
        this.#built.directory(path, node);
      }
      this.#entries(open.fd, directory, opaque ? NOTHING : below);
    });
  }

  finish(): ScanPart {
    const tree = joinBytes(encodeTree(this.#built.builder.finish(null)));
    const warnings = this.#nodes.warnings.list();
    return { tree, links: this.#links, bytes: this.#bytes, warnings };
  }

  /** The entries that the base has in a directory. */
  #below({ path, cut }: ScanDirectory): Below {
    const node = cut ? undefined : path === "" ? rootOf(this.#base) : lookup(this.#base, path);
    return node?.type === "directory" ? new BaseDirectory(this.#base, path, node) : NOTHING;
  }

  #entries(directory: Fd, { path, directories }: ScanDirectory, below: Below): void {
    const entries = entriesWithoutStages(directory, path)
      .sort((a, b) => a.name < b.name ? -1 : 1);
    // A directory that was made after the listing would be missed.
    if (entries.filter(({ type }) => type === "directory").length !== directories) {
      throw changed(path);
    }
    for (const entry of entries) {
      const at = joinPath(path, entry.name);
      guarded(at, () => this.#entry(directory, entry, at, below));
    }
    if (this.#place.form !== "plain") return;
    const here = new Set(entries.map(({ name }) => name));
    for (const name of below.names()) {
      if (here.has(name) || this.#nodes.isLeftOut(below.find(name))) continue;
      this.#built.leaf(joinPath(path, name), { type: "whiteout" });
    }
  }

  #entry(directory: Fd, { name, type }: DirectoryEntry, path: ByteString, below: Below): void {
    if (type === "directory") return refuseWhiteoutName(name, path);
    const stat = tryStatAt(directory, name);
    // The entry was removed after the directory was read.
    if (stat === undefined && this.#place.form === "overlay") return;
    if (stat?.type === "directory") throw changed(path);
    const before = below.find(name);
    const found: Found = stat === undefined
      ? null
      : this.#nodes.entry(directory, name, stat, path, before);
    if (stat === undefined || found === null || found.type === "whiteout") {
      if (before !== undefined) this.#built.leaf(path, { type: "whiteout" });
      return;
    }
    refuseWhiteoutName(name, path);
    if (before === undefined && found.type === "file" && found.size === 0) {
      if (this.#stubs.get(path) === "file") return;
    }
    const same = this.#isSame(found, before, path);
    const group = groupOf(before);
    // The names of one inode belong together, and may be in several parts: `assembleParts` decides about them.
    if (stat.nlink > 1) {
      this.#links.push({ path, inode: `${stat.device} ${stat.inode}`, same, group });
    } else if (same && group === null) return;
    if (found.type === "file") this.#bytes += found.size;
    this.#built.leaf(path, found);
  }

  /** Whether a node is equal to the node in the base, apart from its link group. */
  #isSame(found: Leaf, before: Node | undefined, path: ByteString): boolean {
    if (before === undefined || !sameOutside(found, before)) return false;
    if (found.type !== "file" || found.size === 0) return true;
    // Only root can read this file. A user who cannot read it cannot have written it either,
    // without changing its mode.
    if (this.#nodes.isUnreadable(found)) return true;
    const { stat, digest } = this.#contents.hash(path, this.#checkpoint);
    return stat.size === found.size && equalTimestamps(stat.mtime, found.mtime) &&
      sameBytes(digest, (before as FileNode).digest);
  }
}

type Leaf = Exclude<Found, null | { type: "whiteout" }>;

function groupOf(node: Node | undefined): ByteString | null {
  if (node === undefined || node.type === "directory" || node.type === "whiteout") return null;
  return node.group;
}

/** The entries that the base has in a directory. */
interface Below {
  /** The directory itself; `undefined` when the base does not have it. */
  readonly node: DirectoryNode | undefined;
  find(name: ByteString): Node | undefined;
  names(): ReadonlySet<ByteString>;
}

const NOTHING: Below = { node: undefined, find: () => undefined, names: () => new Set() };

class BaseDirectory implements Below {
  readonly node: DirectoryNode;
  readonly #base: Tree;
  readonly #path: ByteString;

  constructor(base: Tree, path: ByteString, node: DirectoryNode) {
    this.#base = base;
    this.#path = path;
    this.node = node;
  }

  find(name: ByteString): Node | undefined {
    return lookup(this.#base, joinPath(this.#path, name));
  }

  names(): ReadonlySet<ByteString> {
    return new Set(Array.from(list(this.#base, this.#path), ({ name }) => name));
  }
}

/** Refuses a name that in a layer would be a whiteout, and so would hide another file. */
function refuseWhiteoutName(name: ByteString, path: ByteString): void {
  if (!name.startsWith(WHITEOUT_PREFIX)) return;
  const subject = shown(path);
  throw new VarveError(
    "E_WHITEOUT_NAME",
    `Cannot read ${subject}: in a layer its name would be that of a whiteout`,
    { subject, hint: "rename or remove it" },
  );
}
