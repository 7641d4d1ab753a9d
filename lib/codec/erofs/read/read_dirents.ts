import { type ByteString, fromBytes } from "../../../bytes/mod.ts";
import { damaged } from "../errors.ts";
import { DIRENT_BYTES, NAME_MAX } from "../format.ts";
import type { ImageBytes } from "./image_bytes.ts";
import { flatContent, type Inode } from "./read_inode.ts";
import type { Superblock } from "./read_superblock.ts";

/** An entry of a directory. `.` and `..` are entries too. */
export interface Dirent {
  /** Name of the entry. */
  readonly name: ByteString;
  /** Number of its inode. */
  readonly nid: number;
  /** Type in the entry, a value of `DIRENT_TYPES`. */
  readonly type: number;
}

/**
 * Reads the entries of a directory. Checks that they are sorted and that each name occurs once.
 *
 * @throws {VarveError} `E_FORMAT`
 */
export function* readDirents(
  image: ImageBytes,
  sb: Superblock,
  directory: Inode,
): Generator<Dirent> {
  const { size, nid } = directory;
  const { inBlocks, blocksAt, tailAt } = flatContent(sb, directory);
  image.spend(size);
  let before = "" as ByteString;
  for (let at = 0; at < size; at += sb.block) {
    const length = Math.min(sb.block, size - at);
    // A copy, because the view of the image can change while the caller uses the entries.
    const block = image.at(at < inBlocks ? blocksAt + at : tailAt, length).slice();
    for (const dirent of direntsOf(block, nid)) {
      if (!(before < dirent.name)) damaged(`the names of directory ${nid} are not sorted`);
      before = dirent.name;
      yield dirent;
    }
  }
}

function* direntsOf(block: Uint8Array, directory: number): Generator<Dirent> {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const bad = () => damaged(`a block of directory ${directory} is malformed`);
  if (block.length < DIRENT_BYTES) bad();
  let start = view.getUint16(8, true);
  const count = start / DIRENT_BYTES;
  if (count < 1 || !Number.isInteger(count) || start >= block.length) bad();
  for (let i = 0; i < count; i++) {
    const at = i * DIRENT_BYTES;
    let end = i + 1 < count ? view.getUint16(at + DIRENT_BYTES + 8, true) : block.length;
    if (end <= start || end > block.length) bad();
    const next = end;
    if (i + 1 === count) {
      const nul = block.indexOf(0, start);
      if (nul >= 0) end = nul;
    }
    const name = fromBytes(block, start, end);
    if (name === "" || name.length > NAME_MAX || name.includes("\0") || name.includes("/")) bad();
    const nid = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    if (!Number.isSafeInteger(nid)) bad();
    yield { name, nid, type: block[at + 10] as number };
    start = next;
  }
}
