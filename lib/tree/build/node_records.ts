import { type ByteString, S_IFMT, S_IFREG } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import type { Extent, FileNode, Locator, Node } from "../node.ts";
import {
  EXTENT_WORDS,
  F_DIGEST,
  F_IMPLIED,
  F_OPAQUE,
  F_WHITEOUT,
  R_GID,
  R_MODE,
  R_MTIME,
  R_NAME,
  R_NS,
  R_SIZE,
  R_UID,
  SPARSE,
  TWO_32,
  wordsOf,
} from "../packed/format.ts";
import {
  decodeLocator,
  decodeNode,
  encodeExtents,
  encodeTail,
  modeOf,
  tailWords,
} from "../packed/node_codec.ts";
import { L_HEAP, L_NO_DIGEST, L_SIDE, OWN_SOURCE, RecordLog } from "./record_log.ts";

/** Encodes nodes as records of a log, and decodes them. */
export class NodeRecords {
  /** The records. */
  readonly log: RecordLog = new RecordLog();
  /** The layers that locators refer to. A locator holds the index of its layer plus one. */
  readonly sources: DiffId[] = [];

  /**
   * Decodes the node of a record. The `group` of the node is null. Its locator is null if its
   * content lies in the layer that only `TreeBuilder.finish` will name.
   */
  read(id: number): Node {
    const { log } = this;
    const words = log.words(id);
    const at = log.at(id);
    const page = log.heapPage(id);
    let locator: Locator | null = null;
    const source = words[at + L_SIDE] as number;
    if (
      ((words[at + R_MODE] as number) & S_IFMT) === S_IFREG && source !== 0 &&
      (source & ~SPARSE) !== OWN_SOURCE
    ) {
      const second = words[at + L_SIDE + 1] as number;
      const size = (words[at + R_SIZE + 1] as number) * TWO_32 + (words[at + R_SIZE] as number);
      const third = words[at + L_SIDE + 2] as number;
      const sparse = (source & SPARSE) !== 0 && third > 0;
      locator = decodeLocator(
        this.sources,
        size,
        source,
        second,
        third,
        sparse ? log.arena.page(second).u32 : page.u32,
        sparse ? log.arena.word(second) : 0,
      );
    }
    const node = decodeNode(words, at, page.u8, page.u32, log.restAt(id), locator);
    const lacksDigest = (log.flags(id) & L_NO_DIGEST) !== 0;
    return node.type === "file" && lacksDigest ? { ...node, digest: null } : node;
  }

  /**
   * Allocates the heap part of a record and writes the name, with room for `restWords` words after
   * it.
   */
  name(id: number, name: ByteString, restWords: number): void {
    const log = this.log;
    const nameWords = wordsOf(name.length);
    const address = log.arena.alloc((1 + nameWords + restWords) << 2);
    const page = log.arena.page(address);
    const word = log.arena.word(address);
    page.u32[word] = restWords;
    const at = (word + 1) << 2;
    const u8 = page.u8;
    for (let i = 0; i < name.length; i++) u8[at + i] = name.charCodeAt(i);
    log.set(id, L_HEAP, address);
    log.set(id, R_NAME, name.length);
  }

  /** Encodes a node. The caller must have checked the node. */
  write(id: number, name: ByteString, node: Node): void {
    const log = this.log;
    const size = node.type === "file" ? node.size : 0;
    const digestWords = size > 0 ? 8 : 0;
    this.name(id, name, digestWords + tailWords(node, null));
    const words = log.words(id);
    const at = log.at(id);
    const page = log.heapPage(id);
    const rest = log.restAt(id);
    let flags = encodeTail(node, null, page.u8, page.u32, rest + digestWords);
    if (digestWords > 0) flags |= F_DIGEST | L_NO_DIGEST;
    words[at + R_MODE] = modeOf(node);
    if (node.type === "whiteout") {
      flags |= F_WHITEOUT;
    } else {
      words[at + R_UID] = node.uid;
      words[at + R_GID] = node.gid;
      words[at + R_MTIME] = node.mtime.lo;
      words[at + R_MTIME + 1] = node.mtime.hi;
      words[at + R_NS] = node.mtime.ns;
    }
    if (node.type === "directory") {
      if (node.opaque) flags |= F_OPAQUE;
      if (node.implied) flags |= F_IMPLIED;
    } else if (node.type === "char" || node.type === "block") {
      words[at + R_SIZE] = node.major;
      words[at + R_SIZE + 1] = node.minor;
    } else if (size > 0) {
      words[at + R_SIZE] = size >>> 0;
      words[at + R_SIZE + 1] = Math.floor(size / TWO_32);
    }
    words[at + R_NAME] = (name.length | (flags << 16)) >>> 0;
    if (node.type === "file") this.#file(id, node);
  }

  #file(id: number, node: FileNode): void {
    this.digest(id, node.digest);
    if (node.locator === null) return;
    const { source, extents } = node.locator;
    let index = this.sources.lastIndexOf(source);
    if (index < 0) index = this.sources.push(source) - 1;
    this.extents(id, node.size, index + 1, extents);
  }

  /**
   * Writes the digest of a file's content. The caller must have checked the digest. With `null`
   * it writes nothing: the file is empty, or its digest is not known yet.
   */
  digest(id: number, digest: Uint8Array | null): void {
    if (digest === null) return;
    const log = this.log;
    log.heapPage(id).u8.set(digest, log.restAt(id) << 2);
    log.set(id, R_NAME, (log.get(id, R_NAME) & ~(L_NO_DIGEST << 16)) >>> 0);
  }

  /**
   * Writes where a file's content lies. The caller must have checked the extents; `source` is the
   * number of the layer.
   */
  extents(id: number, size: number, source: number, extents: readonly Extent[]): void {
    const log = this.log;
    const words = log.words(id);
    const at = log.at(id) + L_SIDE;
    const only = extents[0];
    if (size === 0 && only === undefined) {
      words[at] = source;
    } else if (extents.length === 1 && only?.logical === 0 && only.length === size) {
      words[at] = source;
      words[at + 1] = only.position >>> 0;
      words[at + 2] = Math.floor(only.position / TWO_32);
    } else {
      words[at] = source | SPARSE;
      words[at + 1] = 0;
      if (extents.length > 0) {
        const address = log.arena.alloc((extents.length * EXTENT_WORDS) << 2);
        encodeExtents(extents, log.arena.page(address).u32, log.arena.word(address));
        words[at + 1] = address;
      }
      words[at + 2] = extents.length;
    }
  }
}
