import { S_IFDIR, S_IFMT, writeBytes } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { EXTENT_WORDS, R_MODE, R_NAME, SPARSE, wordsOf } from "../packed/format.ts";
import type { PackedTree } from "../packed/packed_tree.ts";
import type { TreeKind } from "../tree.ts";
import { NEW, PACKED } from "./open_directories.ts";
import type { Groups, Packer } from "./packer.ts";
import { L_DEAD, L_INODE, L_PARENT, L_SIDE, L_STATE, type RecordLog } from "./record_log.ts";
import { RecordPaths } from "./record_paths.ts";

/**
 * Every name of an inode repeats the attributes and the link group of the inode, so a small archive
 * could result in a huge tree. This is the number of repeated bytes that is always allowed: 64 MiB.
 */
const REPEAT_FREE = 1 << 26;
/** Number of repeated bytes that is allowed in addition, for each entry. */
const REPEAT_EACH = 256;
/**
 * Maximum ratio of packed names to names that are still in the tree. Above it, most packed names
 * are garbage, so everything is packed again.
 */
const MAX_PACKED_PER_KEPT = 2;

/** The state of a builder when it finishes. */
export interface BuilderState {
  /** The records of all names. */
  readonly log: RecordLog;
  /** The packer, with the directories that are packed already. */
  readonly packer: Packer;
  /** Whether a hard link was made, so that an inode may have several names. */
  readonly linked: boolean;
}

/**
 * Packs the remaining records of a builder and makes the tree. `own` is the layer that holds the
 * content of files; null when there is none.
 */
export function finishTree(
  built: BuilderState,
  kind: TreeKind,
  own: DiffId | null,
  checkpoint: () => void = () => {},
): PackedTree {
  const { log, packer, linked } = built;
  log.dropTable();
  let unpacked = findUnpacked(log, true);
  // Pack everything again in two cases: packed files refer to a layer, but `own` is null; or most
  // packed names are garbage, which the tree would keep in memory.
  if ((own === null && packer.usesOwnLayer) || packer.names > MAX_PACKED_PER_KEPT * unpacked.kept) {
    packer.clear();
    unpacked = findUnpacked(log, false);
  }
  packer.setFinal(own, linked ? findGroups(log, unpacked.live, checkpoint) : new Map());
  packUnpacked(log, unpacked, packer, checkpoint);
  return packer.seal(kind);
}

/** The records that must still be packed. */
interface Unpacked {
  /** For each record 1 when it is in the tree (packed or not), else 0. */
  readonly live: Uint8Array;
  /** Number of records in the tree whose directory is packed. */
  readonly kept: number;
  /** The directories to pack that are not empty, in the order of their records. */
  readonly directories: readonly number[];
  /** The names in these directories, in the order of their records. */
  readonly names: Uint32Array;
}

/**
 * Finds the records that must still be packed. `isKept` says whether directories that were packed
 * early stay packed.
 */
function findUnpacked(log: RecordLog, isKept: boolean): Unpacked {
  const live = new Uint8Array(log.length);
  const directories: number[] = [0];
  const names = new Uint32Array(log.length);
  let count = 0;
  let kept = 0;
  let known = 0;
  let isPacked = false;
  live[0] = 1;
  for (let id = 1; id < log.length; id++) {
    const words = log.words(id);
    const at = log.at(id);
    const parent = words[at + L_PARENT] as number;
    const isDead = ((words[at + R_NAME] as number) >>> 16 & L_DEAD) !== 0;
    if (isDead || live[parent] !== 1) continue;
    live[id] = 1;
    if (parent !== known) {
      known = parent;
      isPacked = isKept && log.get(parent, L_STATE) === PACKED;
    }
    if (isPacked) {
      kept++;
      continue;
    }
    names[count++] = id;
    if (((words[at + R_MODE] as number) & S_IFMT) !== S_IFDIR) continue;
    const state = words[at + L_STATE] as number;
    if (state !== NEW && !(isKept && state === PACKED)) directories.push(id);
  }
  return { live, kept, directories, names: names.subarray(0, count) };
}

function packUnpacked(
  log: RecordLog,
  { directories, names }: Unpacked,
  packer: Packer,
  checkpoint: () => void,
): void {
  // Counting sort by directory. ends[d] is first the number of names in d, then the end of its
  // range in `order`.
  const ends = new Uint32Array(log.length);
  for (const id of names) ends[log.get(id, L_PARENT)]!++;
  let sum = 0;
  for (const id of directories) ends[id] = sum += ends[id] as number;
  const order = new Uint32Array(sum);
  for (let i = names.length - 1; i >= 0; i--) {
    const id = names[i] as number;
    order[--ends[log.get(id, L_PARENT)]!] = id;
  }
  // Now ends[d] is the start of the range. A directory's record is older than the records in it, so
  // going backwards packs children before their parents.
  let to = sum;
  for (let i = directories.length - 1; i >= 0; i--) {
    checkpoint();
    const id = directories[i] as number;
    const from = ends[id] as number;
    packer.directory(id, order, from, to);
    to = from;
  }
}

/**
 * Finds the link group of each inode with several names in the tree.
 *
 * @throws {VarveError} `E_LIMIT` when hard links repeat too much
 */
function findGroups(log: RecordLog, live: Uint8Array, checkpoint: () => void): Groups {
  const groups = new Map<number, Uint32Array>();
  /** For each inode, the number of its names, and the record of the one with the least path. */
  const names = new Map<number, { count: number; least: number }>();
  const paths = new RecordPaths(log);
  const add = (inode: number, id: number): void => {
    const known = names.get(inode);
    if (known === undefined) names.set(inode, { count: 1, least: id });
    else {
      known.count++;
      if (paths.isLess(id, known.least)) known.least = id;
    }
  };
  for (let id = 1; id < log.length; id++) {
    const inode = log.get(id, L_INODE);
    if (inode === id || live[id] !== 1) continue;
    checkpoint();
    if (!names.has(inode) && live[inode] === 1) add(inode, inode);
    add(inode, id);
  }
  let repeated = 0;
  for (const [inode, { count, least }] of names) {
    if (count < 2) continue;
    let each = log.heapPage(inode).u32[log.nameAt(inode) - 1] as number;
    if ((log.get(inode, L_SIDE) & SPARSE) !== 0) {
      each += log.get(inode, L_SIDE + 2) * EXTENT_WORDS;
    }
    repeated += count * ((1 + wordsOf(paths.lengthOf(least)) + each) << 2);
  }
  if (repeated > REPEAT_FREE + REPEAT_EACH * log.length) {
    throw new VarveError(
      "E_LIMIT",
      "Cannot build tree: its hard links repeat long paths or xattrs too often",
    );
  }
  for (const [inode, { count, least }] of names) {
    if (count < 2) continue;
    const path = paths.of(least);
    const words = new Uint32Array(1 + wordsOf(path.length));
    words[0] = path.length;
    writeBytes(path, new Uint8Array(words.buffer), 4);
    groups.set(inode, words);
  }
  return groups;
}
