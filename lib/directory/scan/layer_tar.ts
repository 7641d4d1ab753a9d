import type { ByteString } from "../../bytes/mod.ts";
import { type TarEntry, TarWriter, treeEntries } from "../../codec/tar/mod.ts";
import type { Fd, Stat } from "../../linux/mod.ts";
import type { FileNode, Tree } from "../../tree/mod.ts";
import type { ContentReader, ContentSink } from "./content_reader.ts";
import type { NodeReader } from "./node_reader.ts";
import { isAsScanned } from "./equal_nodes.ts";
import { explain } from "./scan_failure.ts";

/**
 * Writes a layer tree as a tar, with the contents of the files in the scanned directory. A file
 * that changed since the scan is written with its current content and attributes.
 *
 * A piece is valid until the next piece is requested.
 *
 * @throws {VarveError} `E_BUSY` when a file changes while it is read
 */
export function* layerTar(
  tree: Tree,
  contents: ContentReader,
  nodes: NodeReader,
): Generator<Uint8Array> {
  const pieces = new Pieces();
  const writer = new TarWriter((bytes) => pieces.add(bytes));
  for (const { entry, path, content } of treeEntries(tree)) {
    if (content === null) writer.entry(entry);
    else {
      const sink = new EntrySink(writer, nodes, entry, path, content);
      try {
        for (const _ of contents.read(path, sink)) yield* pieces.take();
      } catch (error) {
        throw explain(error, path);
      }
    }
    writer.endEntry();
    yield* pieces.take();
  }
  writer.finish();
  yield* pieces.rest();
}

/**
 * Writes a file's entry and content. The entry is written only when the file is open, because the
 * file may have changed since the scan.
 */
class EntrySink implements ContentSink {
  readonly #writer: TarWriter;
  readonly #nodes: NodeReader;
  readonly #entry: TarEntry;
  readonly #path: ByteString;
  readonly #node: FileNode;

  constructor(
    writer: TarWriter,
    nodes: NodeReader,
    entry: TarEntry,
    path: ByteString,
    node: FileNode,
  ) {
    this.#writer = writer;
    this.#nodes = nodes;
    this.#entry = entry;
    this.#path = path;
    this.#node = node;
  }

  begin(stat: Stat, fd: Fd): void {
    const node = this.#node;
    if (isAsScanned(this.#nodes.withOwner(stat, node), node)) {
      return this.#writer.entry(this.#entry);
    }
    const { mode, uid, gid, mtime, size, xattrs } = this.#nodes.file(fd, stat, this.#path, node);
    this.#writer.entry({ ...this.#entry, mode, uid, gid, mtime, size, xattrs });
  }

  data(bytes: Uint8Array): void {
    this.#writer.data(bytes);
  }

  hole(length: number): void {
    this.#writer.hole(length);
  }
}

/**
 * Maximum size in bytes of a small piece. Small pieces are gathered into pieces of `GATHERED`
 * bytes.
 */
const SMALL = 32 * 1024;
const GATHERED = 256 * 1024;

/** Gathers small pieces into large pieces, and passes on large pieces unchanged. */
class Pieces {
  #ready: Uint8Array[] = [];
  #gathered = new Uint8Array(GATHERED);
  #used = 0;

  add(bytes: Uint8Array): void {
    if (bytes.length > SMALL) {
      this.#flush();
      this.#ready.push(bytes);
      return;
    }
    if (this.#used + bytes.length > GATHERED) this.#flush();
    this.#gathered.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Removes and returns the pieces that are ready. */
  take(): Uint8Array[] {
    if (this.#ready.length === 0) return NONE;
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  /** Removes and returns all pieces, including the last piece, which may not be full. */
  rest(): Uint8Array[] {
    this.#flush();
    return this.take();
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#ready.push(this.#gathered.subarray(0, this.#used));
    this.#gathered = new Uint8Array(GATHERED);
    this.#used = 0;
  }
}

const NONE: Uint8Array[] = [];
