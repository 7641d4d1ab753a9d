import type { Tree } from "../../../tree/mod.ts";
import { tooLarge } from "../errors.ts";
import {
  alignUp,
  BLOCK,
  NID_BYTES,
  NO_BLOCK,
  SLOT_BYTES,
  SUPER_BYTES,
  SUPER_OFFSET,
} from "../format.ts";
import { CHECKPOINT, type WriteErofsOptions } from "../options.ts";
import { ALIAS, DIRECTORY } from "./entry_table.ts";
import type { Device } from "./file_planner.ts";
import { InodeShape, Placer } from "./inode_shape.ts";
import { type Survey, surveyTree } from "./survey_tree.ts";

/** The plan of an image: where everything lies. */
export interface ErofsPlan {
  /** The tree that is written. */
  readonly tree: Tree;
  /** The survey of the tree. */
  readonly survey: Survey;
  /** The devices, sorted by diffID. */
  readonly devices: readonly Device[];
  /** The inode number (nid) of each entry; index 0 is the root. */
  readonly nids: Uint32Array;
  /** Number of inodes. */
  readonly inodes: number;
  /** Offset in the image of the first inode, in bytes. */
  readonly inodesAt: number;
  /** Offset in the image of the shared xattrs, in bytes. */
  readonly sharedAt: number;
  /** Offset in the image of the copied content, in bytes. */
  readonly copiesAt: number;
  /** Size of the image in bytes. */
  readonly size: number;
}

/** Size in bytes of everything before the inodes: boot block, superblock, device table. */
function headerBytes(devices: number): number {
  return alignUp(SUPER_OFFSET + SUPER_BYTES + devices * SLOT_BYTES, BLOCK);
}

/**
 * Plans an image.
 *
 * @throws {VarveError} as {@linkcode writeErofs}
 */
export function planErofs(tree: Tree, options: WriteErofsOptions): ErofsPlan {
  const survey = surveyTree(tree, options);
  const { files, table } = survey;
  const devices = files.devices();
  const inodesAt = headerBytes(devices.length);
  const placer = new Placer(inodesAt);
  const shape = new InodeShape(survey);
  const nids = new Uint32Array(tree.count + 1);
  let inodes = 0;
  const place = (entry: number) => {
    shape.take(entry);
    const nid = placer.inode(shape) / NID_BYTES;
    if (nid > 0xffff_ffff) throw tooLarge("its inodes need more than 128 GiB");
    nids[entry] = nid;
    if (++inodes % CHECKPOINT === 0) options.checkpoint?.();
    if (shape.blockBytes > 0) placer.blocks(shape.blockBytes);
  };
  const { firsts, sizes, visited } = table;
  for (let visit = 0; visit < visited.length; visit++) {
    place(visited[visit] as number);
    const end = firsts[visit + 1] ?? nids.length;
    for (let entry = firsts[visit] as number; entry < end; entry++) {
      const kind = table.kind(entry);
      if (kind === ALIAS) nids[entry] = nids[sizes[entry] as number] as number;
      else if (kind !== DIRECTORY) place(entry);
    }
  }
  const sharedAt = alignUp(placer.at, BLOCK);
  const copiesAt = alignUp(sharedAt + survey.pool.sharedBytes, BLOCK);
  const size = copiesAt + files.copied;
  if (size / BLOCK >= NO_BLOCK) throw tooLarge("it needs more than 2 TiB");
  return {
    tree,
    survey,
    devices,
    nids,
    inodes,
    inodesAt,
    sharedAt,
    copiesAt,
    size,
  };
}
