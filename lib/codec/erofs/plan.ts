import type { Tree } from "../../tree/mod.ts";
import { tooLarge } from "./errors.ts";
import type { Device } from "./files.ts";
import {
  alignUp,
  BLOCK,
  NID_BYTES,
  NO_BLOCK,
  SLOT_BYTES,
  SUPER_BYTES,
  SUPER_OFFSET,
} from "./format.ts";
import type { WriteErofsOptions } from "./options.ts";
import { InodeShape, Placer } from "./shape.ts";
import { type Survey, surveyTree } from "./survey.ts";
import { eachDirectory, isDirectory } from "./traverse.ts";

/** Everything that the image will be, but for its bytes. */
export interface ErofsPlan {
  /** What is written. */
  readonly tree: Tree;
  /** What was counted before. */
  readonly survey: Survey;
  /** Layers in the order of their diffIDs. */
  readonly devices: readonly Device[];
  /** The number of the inode of each entry; index 0 is the root. */
  readonly nids: Uint32Array;
  /** Inodes. */
  readonly inodes: number;
  /** Where the first inode may stand. */
  readonly inodesAt: number;
  /** Where the shared xattrs stand. */
  readonly sharedAt: number;
  /** Where the copied content stands. */
  readonly copiesAt: number;
  /** Bytes of the image. */
  readonly size: number;
}

/** Bytes in front of the inodes: the boot block, the superblock, the device table. */
export function headerBytes(devices: number): number {
  return alignUp(SUPER_OFFSET + SUPER_BYTES + devices * SLOT_BYTES, BLOCK);
}

/** Plans an image. @throws {VarveError} as {@linkcode writeErofs} */
export function planErofs(tree: Tree, options: WriteErofsOptions): ErofsPlan {
  const survey = surveyTree(tree, options);
  const { groups, files } = survey;
  const devices = files.devices();
  const inodesAt = headerBytes(devices.length);
  const placer = new Placer(inodesAt);
  const shape = new InodeShape(survey);
  const nids = new Uint32Array(tree.count + 1);
  let inodes = 0;
  const place = (entry: number) => {
    const nid = placer.inode(shape) / NID_BYTES;
    if (nid > 0xffff_ffff) throw tooLarge("its inodes need more than 128 GiB");
    nids[entry] = nid;
    inodes++;
    if (shape.blockBytes > 0) placer.blocks(shape.blockBytes);
  };
  const { sizes, subdirectories } = survey.directories;
  let visits = 0;
  eachDirectory(tree, ({ row, entry }, first, below) => {
    shape.directory(row, sizes[visits] as number, subdirectories[visits++] as number);
    place(entry);
    let child = first;
    for (const rows = row.entries(); rows?.valid; rows.next(), child++) {
      if (isDirectory(rows)) {
        below.push({ row: rows.copy(), entry: child, parent: entry });
        continue;
      }
      const label = rows.group;
      const group = label === null ? undefined : groups.get(label);
      if (group !== undefined && group.entry !== child) {
        nids[child] = nids[group.entry] as number;
        continue;
      }
      shape.leaf(rows, group?.links ?? 1, files.special.get(child)?.plan);
      place(child);
    }
    return child - first;
  });
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
