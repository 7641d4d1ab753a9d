import { escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Row, Tree } from "../../tree/mod.ts";
import { DirectorySize, Dots } from "./dirents.ts";
import { tooLarge } from "./errors.ts";
import type { Device } from "./files.ts";
import {
  alignUp,
  BLOCK,
  NAME_MAX,
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
  };
  eachDirectory(tree, ({ row, entry }, first, below) => {
    const size = new DirectorySize();
    const dots = new Dots();
    let count = 0;
    for (const rows = row.entries(); rows?.valid; rows.next()) {
      for (let due = dots.before(rows); due > 0; due--) size.add(dots.told - due + 1);
      const length = rows.nameLength;
      if (length > NAME_MAX) throw tooLong(rows);
      size.add(length);
      const child = first + count++;
      if (isDirectory(rows)) below.push({ row: rows.copy(), entry: child, parent: entry });
    }
    for (let due = dots.rest(); due > 0; due--) size.add(dots.told - due + 1);
    shape.directory(row, size.size, below.length);
    place(entry);
    placer.blocks(shape.blockBytes);
    let child = first;
    for (const rows = row.entries(); rows?.valid; rows.next(), child++) {
      if (isDirectory(rows)) continue;
      const label = rows.group;
      const group = label === null ? undefined : groups.get(label);
      if (group !== undefined && group.entry !== child) {
        nids[child] = nids[group.entry] as number;
        continue;
      }
      shape.leaf(rows, group?.links ?? 1, files.special.get(child)?.plan);
      place(child);
      if (shape.blockBytes > 0) placer.blocks(shape.blockBytes);
    }
    return count;
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

function tooLong(row: Row): VarveError {
  const subject = escapeForTerminal(row.name);
  return new VarveError(
    "E_NAME_TOO_LONG",
    `Cannot write EROFS image: a name has ${row.nameLength} bytes, more than ${NAME_MAX}`,
    { subject },
  );
}
