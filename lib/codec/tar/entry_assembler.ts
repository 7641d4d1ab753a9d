import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Entry, EntryType } from "../../layer/mod.ts";
import type { Extent } from "../../tree/mod.ts";
import {
  aclTextsOf,
  applyMetaHeaders,
  type MetaHeaders,
  setPath,
  xattrsOf,
} from "./apply_meta_headers.ts";
import { BLOCK, isHeaderOnly, isMeta, TYPE } from "./format.ts";
import { limitError, type TarLimits } from "./limits.ts";
import { cString, parseHeader, type RawHeader, tarError } from "./parse_header.ts";
import { parsePax, type PaxHeader } from "./pax.ts";
import {
  parseGnuMap,
  parseGnuRealSize,
  parsePaxMap,
  sparseExtents,
  sparseFormOf,
  SparseMapParser,
  type SparseRun,
  sparseSizeOf,
} from "./sparse.ts";

/**
 * The next part of the archive: `"meta"` is the body of a meta header, `"map"` a block of a sparse
 * map, and an entry stands for its body.
 */
export type Step = "meta" | "map" | Entry;

const NO_EXTENTS: readonly Extent[] = [];

const ENTRY_TYPES: Readonly<Record<number, EntryType>> = {
  [TYPE.FILE]: "file",
  [TYPE.CONTIGUOUS]: "file",
  [TYPE.GNU_SPARSE]: "file",
  [TYPE.HARDLINK]: "hardlink",
  [TYPE.SYMLINK]: "symlink",
  [TYPE.CHAR]: "char",
  [TYPE.BLOCK]: "block",
  [TYPE.DIRECTORY]: "directory",
  [TYPE.FIFO]: "fifo",
};

/**
 * Makes entries from header blocks, meta headers and sparse maps. The reader cuts the archive into
 * whole pieces; this class interprets them.
 */
export class EntryAssembler {
  /** Number of bytes of data in the body of the current entry, without a sparse map. */
  stored = 0;
  /** Size of the body of the current meta header in bytes. */
  metaSize = 0;
  /** Number of entries made so far. */
  count = 0;

  readonly #limits: TarLimits;
  #logicalBytes = 0;

  #meta: MetaHeaders = noMeta();
  #longNames = 0;
  /** Size of all meta headers so far in bytes. */
  #metaBytes = 0;
  #metaType = 0;

  /**
   * The header of the sparse file whose map is being read. Other headers are not kept, because
   * young objects that an old object refers to cost the garbage collector more.
   */
  #header: RawHeader | undefined;
  /** The meta headers that belong to `#header`. */
  #headerMeta: MetaHeaders = this.#meta;
  /** Offset of the current header in the archive, for messages. */
  #position = 0;
  /** Size of the current entry in bytes, holes included. */
  #size = 0;
  #gnuRuns: SparseRun[] | undefined;
  #map: SparseMapParser | undefined;
  #mapBytes = 0;

  constructor(limits: TarLimits) {
    this.#limits = limits;
  }

  /**
   * Takes a header block.
   *
   * @param words the same memory as words; `word` is the index of the first word of the block
   * @param sum the sum of the bytes of the block
   * @param end offset in the archive after the block
   */
  header(
    block: Uint8Array,
    at: number,
    words: Uint32Array,
    word: number,
    sum: number,
    end: number,
  ): Step {
    const position = end - BLOCK;
    const header = parseHeader(block, at, words, word, sum, position);
    this.#position = position;
    return isMeta(header.typeflag)
      ? this.#beginMeta(header)
      : this.#beginEntry(header, block, at, end);
  }

  /** Takes the body of a meta header: `metaSize` bytes from index `start` on. */
  meta(bytes: Uint8Array, start: number): void {
    const end = start + this.metaSize;
    switch (this.#metaType) {
      case TYPE.PAX:
        this.#meta.pax = parsePax(bytes, start, end, this.#position);
        break;
      case TYPE.PAX_GLOBAL:
        parsePax(bytes, start, end, this.#position);
        // Go treats a global header as a separate entry, so the preceding meta headers belong to it
        // and are consumed.
        this.#takeMeta();
        break;
      case TYPE.GNU_LONG_NAME:
        this.#meta.longName = cString(bytes, start, this.metaSize);
        break;
      case TYPE.GNU_LONG_LINK:
        this.#meta.longLink = cString(bytes, start, this.metaSize);
        break;
    }
  }

  /** Takes a block of a sparse map. `end` is the offset in the archive after the block. */
  map(block: Uint8Array, at: number, end: number): Step {
    if (this.#gnuRuns !== undefined) return this.#gnuMap(block, at, end, false);
    const map = this.#map as SparseMapParser;
    this.#addMapBytes();
    this.stored -= BLOCK;
    map.block(block, at, this.#position);
    if (!map.done) return this.#awaitPaxMap();
    return this.#finish(this.#header as RawHeader, this.#headerMeta, map.runs, end);
  }

  #beginMeta(header: RawHeader): Step {
    const { typeflag, size } = header;
    const { metaHeaderBytes, longNames } = this.#limits;
    if (size < 0) throw tarError(this.#position, "the size of a meta header is negative");
    if (size > metaHeaderBytes) {
      throw limitError("metaHeaderBytes", "a meta header", metaHeaderBytes);
    }
    this.#countMeta(size);
    if (typeflag === TYPE.GNU_LONG_NAME || typeflag === TYPE.GNU_LONG_LINK) {
      if (++this.#longNames > longNames) {
        throw limitError("longNames", "a chain of GNU long names", longNames);
      }
    }
    this.#metaType = typeflag;
    this.metaSize = size;
    return "meta";
  }

  #takeMeta(): MetaHeaders {
    const meta = this.#meta;
    if (meta.pax !== undefined || this.#longNames > 0) this.#meta = noMeta();
    this.#longNames = 0;
    return meta;
  }

  #beginEntry(header: RawHeader, block: Uint8Array, at: number, end: number): Step {
    const position = this.#position;
    const meta = this.#takeMeta();
    applyMetaHeaders(header, meta, position);
    if (header.typeflag === TYPE.OLD_FILE) {
      header.typeflag = header.slash ? TYPE.DIRECTORY : TYPE.FILE;
    }
    if (ENTRY_TYPES[header.typeflag] === undefined) throw unknownType(header, position);
    const bodyless = isHeaderOnly(header.typeflag);
    this.stored = bodyless ? 0 : header.size;
    this.#setSize(this.stored);
    if (end + this.stored > this.#limits.layerBytes) throw this.#tooLarge();

    const gnu = header.typeflag === TYPE.GNU_SPARSE;
    const form = gnu ? "gnu" : meta.pax === undefined ? undefined : sparseFormOf(meta.pax.records);
    if (form === undefined) return this.#finish(header, meta, undefined, end);
    if (bodyless || (gnu && header.format !== "gnu")) {
      throw tarError(position, "an entry of this type cannot be sparse");
    }
    this.#header = header;
    this.#headerMeta = meta;
    this.#mapBytes = 0;
    if (gnu) {
      this.#gnuRuns = [];
      this.#setSize(parseGnuRealSize(block, at, position));
      return this.#gnuMap(block, at, end, true);
    }
    const { records } = meta.pax as PaxHeader;
    const name = records.get("GNU.sparse.name") ?? "" as ByteString;
    if (name !== "") setPath(header, name);
    this.#setSize(sparseSizeOf(records, position) ?? header.size);
    if (form === "pax-0") return this.#finish(header, meta, parsePaxMap(records, position), end);
    this.#map = new SparseMapParser();
    return this.#awaitPaxMap();
  }

  #setSize(size: number): void {
    if (size < 0) throw tarError(this.#position, "the size is negative");
    if (size > this.#limits.layerBytes) throw this.#tooLarge();
    this.#size = size;
  }

  #gnuMap(block: Uint8Array, at: number, end: number, first: boolean): Step {
    const runs = this.#gnuRuns as SparseRun[];
    this.#addMapBytes();
    if (parseGnuMap(block, at, first, runs, this.#position)) return "map";
    return this.#finish(this.#header as RawHeader, this.#headerMeta, runs, end);
  }

  #awaitPaxMap(): Step {
    if (this.stored >= BLOCK) return "map";
    throw tarError(this.#position, "the body ends inside of the sparse map");
  }

  /**
   * Counts bytes of meta headers and sparse maps. They cost time to parse, and they compress so
   * well that a small layer can hold very many.
   */
  #countMeta(size: number): void {
    this.#metaBytes += size;
    const { metaBytes } = this.#limits;
    if (this.#metaBytes > metaBytes) {
      throw limitError("metaBytes", "all meta headers together", metaBytes);
    }
  }

  #addMapBytes(): void {
    this.#mapBytes += BLOCK;
    this.#countMeta(BLOCK);
    const { sparseMapBytes } = this.#limits;
    if (this.#mapBytes > sparseMapBytes) {
      throw limitError("sparseMapBytes", "a sparse map", sparseMapBytes);
    }
  }

  /** Makes the entry whose data begins at offset `dataAt` of the archive. */
  #finish(
    header: RawHeader,
    meta: MetaHeaders,
    runs: readonly SparseRun[] | undefined,
    dataAt: number,
  ): Entry {
    const position = this.#position;
    const size = this.#size;
    const type = ENTRY_TYPES[header.typeflag] as EntryType;
    this.#checkNames(header, type);
    const { entries, layerBytes } = this.#limits;
    if (++this.count > entries) throw limitError("entries", "the number of entries", entries);
    this.#logicalBytes += size;
    if (this.#logicalBytes > layerBytes) throw this.#tooLarge();
    const isLink = type === "hardlink" || type === "symlink";
    const isDevice = type === "char" || type === "block";
    if (runs !== undefined) this.#gnuRuns = this.#map = undefined;
    const entry: Entry = {
      path: header.path,
      type,
      mode: header.mode,
      uid: header.uid,
      gid: header.gid,
      mtime: header.mtime,
      size,
      linkname: isLink ? header.linkname : "" as ByteString,
      devmajor: isDevice ? header.devmajor : 0,
      devminor: isDevice ? header.devminor : 0,
      xattrs: xattrsOf(meta.pax?.records, position),
      extents: runs !== undefined
        ? sparseExtents(runs, size, dataAt, this.stored, position)
        : size > 0
        ? [{ logical: 0, length: size, position: dataAt }]
        : NO_EXTENTS,
    };
    const aclTexts = aclTextsOf(meta.pax?.records);
    return aclTexts === undefined ? entry : { ...entry, aclTexts };
  }

  #checkNames(header: RawHeader, type: EntryType): void {
    const { pathBytes } = this.#limits;
    const longest = type === "hardlink"
      ? Math.max(header.path.length, header.linkname.length)
      : header.path.length;
    if (longest > pathBytes) throw pathTooLong(longest, pathBytes, this.#position);
    // When the name of an empty file ends in a slash, engines drop the slash. If the file has
    // content, they disagree on whether it is a file or a directory.
    if (type === "file" && header.slash && (this.#size > 0 || this.stored > 0)) {
      const path = escapeForTerminal(header.path);
      throw tarError(
        this.#position,
        `${path} is named like a directory and has content`,
        "E_TYPE",
      );
    }
  }

  #tooLarge(): VarveError {
    return limitError("layerBytes", "the archive or its files", this.#limits.layerBytes);
  }
}

function noMeta(): MetaHeaders {
  return { pax: undefined, longName: "" as ByteString, longLink: "" as ByteString };
}

function unknownType(header: RawHeader, position: number): VarveError {
  const flag = escapeForTerminal(String.fromCharCode(header.typeflag) as ByteString);
  const path = escapeForTerminal(header.path);
  return tarError(position, `${path} is of the unknown type ${flag}`, "E_TYPE");
}

function pathTooLong(length: number, allowed: number, position: number): VarveError {
  return new VarveError(
    "E_NAME_TOO_LONG",
    `Cannot read tar entry at byte ${position}: a path exceeds limits.layer.path (${allowed})`,
    { expected: allowed, actual: length, setting: "limits.layer.path" },
  );
}
