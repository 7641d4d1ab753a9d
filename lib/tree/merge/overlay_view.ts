import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { emptyTree } from "../build/empty_tree.ts";
import { IMPLIED } from "../implied.ts";
import { mapKey } from "../map_key.ts";
import type { DirectoryNode, Linkable, Node } from "../node.ts";
import { findRow } from "../packed/directory_reader.ts";
import { F_GROUP } from "../packed/format.ts";
import { findMembers, labelOf } from "../packed/link_groups.ts";
import { nodeAt } from "../packed/node_codec.ts";
import { packed, type PackedTree } from "../packed/packed_tree.ts";
import { splitPath } from "../path.ts";
import {
  linkTarget,
  type Places,
  type Resolved,
  resolveIn,
  type ResolveOptions,
} from "../resolve.ts";
import type { NamedNode, Tree } from "../tree.ts";
import {
  type DirectoryPlan,
  isWhiteout,
  type MergeRow,
  type Scope,
  takeRows,
} from "./merge_trees.ts";
import { HiddenPaths } from "./hidden_paths.ts";
import {
  directoryAttributes,
  enterDirectory,
  type EnteredDirectory,
  type LowerLayers,
  unlessLost,
} from "./overlay_rules.ts";
import { RowStream, RowStreamQueue } from "./row_stream.ts";

/** An entry of the view: the rows of its name, topmost first, and where they lie. */
interface Place {
  readonly rows: readonly MergeRow[];
  /** The scope of the directory that holds the entry. */
  readonly scope: Scope;
  /** The directory that holds the entry; null for the root. */
  readonly parent: Place | null;
  /** How its entries are merged; null when it is no directory. */
  readonly entered: EnteredDirectory | null;
}

/**
 * A view of the root tree that {@linkcode overlayTrees} would make of several trees. The view does
 * not make that tree: a look-up reads only the directories on its path, in each tree. Only the link
 * group of an entry costs more: all entries of its tree that have a link group are visited.
 */
export class OverlayView implements LowerLayers, Places<Place> {
  readonly kind = "root";
  readonly root: Place;
  readonly #trees: readonly PackedTree[];
  /** The views of the trees below tree `r`, by rank `r`. */
  readonly #below = new Map<number, OverlayView>();
  /** The labels of link groups in the view, by rank and by the label in the tree. */
  readonly #labels = new Map<number, Map<ByteString, ByteString | null>>();

  /** `trees` are the trees to show, topmost first. */
  constructor(trees: readonly Tree[]) {
    this.#trees = (trees.length === 0 ? [emptyTree("root")] : trees).map(packed);
    const rows = this.#trees.map((tree, rank) => ({ leaf: tree.root(), i: 0, rank }));
    const scope = { open: false, outerHider: -1, innerHider: -1, overLink: [] };
    this.root = place(rows, scope, null);
  }

  /** Does the same as `resolve` of the merged tree. @throws {VarveError} `E_LOOP`, `E_NOT_DIR` */
  resolve(path: ByteString, options: ResolveOptions = {}): Resolved | undefined {
    const found = resolveIn<Place>(this, path, options.followLast ?? true);
    if (found === undefined) return undefined;
    this.#learnLabels([found.at]);
    return { path: found.names.join("/") as ByteString, node: this.#node(found.at) };
  }

  /**
   * The entries of a directory, sorted by the bytes of their names. Symbolic links on the path are
   * not followed.
   *
   * @throws {VarveError} `E_NOT_FOUND`, `E_NOT_DIR`
   */
  list(path: ByteString): Iterable<NamedNode> {
    const directory = this.#directory(path);
    this.#learnLabels(this.#children(directory));
    const node = this.#node.bind(this);
    const children = this.#children(directory);
    return {
      *[Symbol.iterator](): Iterator<NamedNode> {
        for (const child of children) yield { name: nameOf(child), node: node(child) };
      },
    };
  }

  find(directory: Place, name: ByteString): Place | undefined {
    const rows: MergeRow[] = [];
    for (const { leaf, i, rank } of contributorsOf(directory)) {
      const block = leaf.child(i);
      const found = block === null ? undefined : findRow(block, name);
      if (found !== undefined) rows.push({ leaf: found.leaf, i: found.i, rank });
    }
    const [top] = rows;
    if (top === undefined || isWhiteout(top)) return undefined;
    return place(rows, (directory.entered as EnteredDirectory).inner, directory);
  }

  isDirectory(place: Place): boolean {
    return place.entered !== null;
  }

  linkTarget({ rows }: Place): ByteString | undefined {
    return linkTarget(rows[0] as MergeRow);
  }

  attributesBelow(): undefined {
    return undefined;
  }

  resolveBelow(rank: number, path: ByteString): DirectoryPlan["attributes"] {
    let below = this.#below.get(rank);
    if (below === undefined) {
      this.#below.set(rank, below = new OverlayView(this.#trees.slice(rank + 1)));
    }
    return below.#attributesAt(path);
  }

  /** The attributes of the directory to which a path leads; null when it leads to none. */
  #attributesAt(path: ByteString): DirectoryPlan["attributes"] {
    const found = unlessLost(() => resolveIn<Place>(this, path, true));
    if (found === undefined || found.at.entered === null) return null;
    return this.#attributes(found.at);
  }

  #attributes(place: Place): DirectoryPlan["attributes"] {
    const { rows, scope } = place;
    return directoryAttributes(rows, scope, () => pathOf(place), this).attributes;
  }

  #directory(path: ByteString): Place {
    const subject = escapeForTerminal(path);
    let at: Place | undefined = this.root;
    for (const name of splitPath(path)) {
      at = at?.entered == null ? undefined : this.find(at, name);
    }
    if (at === undefined) {
      throw new VarveError("E_NOT_FOUND", `Cannot list ${subject}: no such directory`, { subject });
    }
    if (at.entered === null) {
      throw new VarveError("E_NOT_DIR", `Cannot list ${subject}: not a directory`, { subject });
    }
    return at;
  }

  *#children(directory: Place): Generator<Place> {
    const queue = new RowStreamQueue();
    const rows = contributorsOf(directory);
    for (let k = rows.length - 1; k >= 0; k--) {
      const { leaf, i, rank } = rows[k] as MergeRow;
      const block = leaf.child(i);
      if (block !== null) queue.push(new RowStream(rank, block));
    }
    const { inner } = directory.entered as EnteredDirectory;
    while (queue.first !== undefined) {
      const rows = takeRows(queue);
      if (!isWhiteout(rows[0] as MergeRow)) yield place(rows, inner, directory);
    }
  }

  #node(place: Place): Node {
    const { leaf, i, rank } = place.rows[0] as MergeRow;
    if (place.entered === null) {
      const node = nodeAt(leaf, i);
      const group = (node as Linkable).group;
      if (group === null || rank === 0) return node;
      return { ...node, group: this.#labels.get(rank)?.get(mapKey(group)) ?? null } as Node;
    }
    const attributes = this.#attributes(place);
    const node = attributes === null ? IMPLIED : nodeAt(attributes.leaf, attributes.i);
    return { ...node as DirectoryNode, opaque: false, implied: false };
  }

  /**
   * Finds the labels of the link groups of entries. A tree above may hide some names of a group. The
   * label is then the least path that is still visible. Nothing hides names of the topmost tree.
   */
  #learnLabels(places: Iterable<Place>): void {
    const wanted = new Map<number, Set<ByteString>>();
    for (const { rows } of places) {
      const { leaf, i, rank } = rows[0] as MergeRow;
      if (rank === 0 || leaf.isDirectory(i) || (leaf.flags(i) & F_GROUP) === 0) continue;
      const group = mapKey(leaf.group(i));
      if (this.#labels.get(rank)?.has(group)) continue;
      let groups = wanted.get(rank);
      if (groups === undefined) wanted.set(rank, groups = new Set());
      groups.add(group);
    }
    for (const [rank, groups] of wanted) {
      let labels = this.#labels.get(rank);
      if (labels === undefined) this.#labels.set(rank, labels = new Map());
      const hidden = new HiddenPaths(this.#trees, rank);
      for (const [group, paths] of findMembers(this.#trees[rank] as PackedTree, groups)) {
        labels.set(group, labelOf(paths.filter((path) => !hidden.has(path))));
      }
    }
  }
}

function place(rows: readonly MergeRow[], scope: Scope, parent: Place | null): Place {
  const top = rows[0] as MergeRow;
  const entered = top.leaf.isDirectory(top.i) ? enterDirectory(rows, scope) : null;
  return { rows, scope, parent, entered };
}

/** The rows of a directory whose entries are merged. */
function contributorsOf({ rows, entered }: Place): readonly MergeRow[] {
  return rows.slice(0, entered?.contributors);
}

function nameOf({ rows }: Place): ByteString {
  const { leaf, i } = rows[0] as MergeRow;
  return leaf.name(i);
}

function pathOf(place: Place): ByteString {
  const names: ByteString[] = [];
  for (let at = place; at.parent !== null; at = at.parent) names.push(nameOf(at));
  return names.reverse().join("/") as ByteString;
}
