/** The reading half: the bytes of a ustar archive to entries. */

/** Fields of every header. */
export interface OldStyleFormat {
  /** Name. */
  name: string;
  /** Permission bits. */
  mode: number;
  /** User id. */
  uid: number;
  /** Group id. */
  gid: number;
  /** Bytes of the content. */
  size: number;
  /** Seconds since the epoch. */
  mtime: number;
  /** Type flag. */
  typeflag: string;
  /** Target of a link. */
  linkname: string;
}

/** Fields of a ustar header. */
export interface PosixUstarFormat {
  /** Last part of the path. */
  name: string;
  /** Permission bits. */
  mode: number;
  /** User id. */
  uid: number;
  /** Group id. */
  gid: number;
  /** Bytes of the content. */
  size: number;
  /** Seconds since the epoch. */
  mtime: number;
  /** Type flag. */
  typeflag: string;
  /** Target of a link. */
  linkname: string;
  /** `ustar` and a NUL. */
  magic: string;
  /** `00`. */
  version: string;
  /** User name. */
  uname: string;
  /** Group name. */
  gname: string;
  /** Major device number. */
  devmajor: string;
  /** Minor device number. */
  devminor: string;
  /** First part of the path. */
  prefix: string;
}

/** An entry of an archive. */
export interface TarStreamEntry {
  /** Its header. */
  header: OldStyleFormat | PosixUstarFormat;
  /** Its path. */
  path: string;
  /** Its content, of whatever is no link, device, directory or FIFO. */
  readable?: ReadableStream<Uint8Array>;
}

const BLOCK = 512;
const decoder = new TextDecoder();

/** Reads a ustar archive. The next entry comes when the content of the last was read or cancelled. */
export class UntarStream implements TransformStream<Uint8Array, TarStreamEntry> {
  readonly #readable: ReadableStream<TarStreamEntry>;
  readonly #writable: WritableStream<Uint8Array>;

  constructor() {
    const bytes = new TransformStream<Uint8Array, Uint8Array>();
    this.#writable = bytes.writable;
    this.#readable = ReadableStream.from(entries(new Blocks(bytes.readable)));
  }

  /** The entries. */
  get readable(): ReadableStream<TarStreamEntry> {
    return this.#readable;
  }

  /** Takes the archive. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable;
  }
}

/** Cuts a stream into blocks, and looks two of them ahead: the end mark must be the last thing. */
class Blocks {
  readonly #chunks: ReadableStreamDefaultReader<Uint8Array>;
  readonly #ahead: Uint8Array[] = [];
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#chunks = stream.getReader();
  }

  get onlyZeros(): boolean {
    return this.#ahead.every((block) => block.every((byte) => byte === 0));
  }

  async begin(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      const block = await this.#pull();
      if (block?.length !== BLOCK) {
        throw new RangeError(
          "Cannot extract the tar archive: The tarball is too small to be valid",
        );
      }
      this.#ahead.push(block);
    }
  }

  async next(): Promise<Uint8Array | undefined> {
    const block = await this.#pull();
    if (block === undefined) return undefined;
    if (block.length !== BLOCK) {
      throw new RangeError(
        `Cannot extract the tar archive: The tarball chunk has an unexpected number of bytes (${block.length})`,
      );
    }
    this.#ahead.push(block);
    return this.#ahead.shift();
  }

  cancel(): Promise<void> {
    return this.#chunks.cancel("Tar stream finished prematurely");
  }

  /** The next block of its own memory; a shorter one at the end. */
  async #pull(): Promise<Uint8Array | undefined> {
    while (this.#rest.length < BLOCK) {
      const { done, value } = await this.#chunks.read();
      if (done) break;
      const joined = new Uint8Array(this.#rest.length + value.length);
      joined.set(this.#rest);
      joined.set(value, this.#rest.length);
      this.#rest = joined;
    }
    if (this.#rest.length === 0) return undefined;
    const block = this.#rest.slice(0, BLOCK);
    this.#rest = this.#rest.subarray(block.length);
    return block;
  }
}

async function* entries(blocks: Blocks): AsyncGenerator<TarStreamEntry> {
  await blocks.begin();
  let content: Promise<void> = Promise.resolve();
  while (true) {
    await content;
    if (blocks.onlyZeros) return await blocks.cancel();
    const block = await blocks.next();
    if (block === undefined) {
      throw new TypeError("Cannot extract the tar archive: The tarball has invalid ending");
    }
    const header = headerOf(block);
    const prefix = "prefix" in header && header.prefix !== "" ? `${header.prefix}/` : "";
    const entry: TarStreamEntry = { path: prefix + header.name, header };
    if (!["1", "2", "3", "4", "5", "6"].includes(header.typeflag)) {
      const read = Promise.withResolvers<void>();
      content = read.promise;
      entry.readable = contentOf(blocks, header.size, read.resolve);
    }
    yield entry;
  }
}

function contentOf(
  blocks: Blocks,
  size: number,
  done: () => void,
): ReadableStream<Uint8Array> {
  let left = size;
  const next = async (): Promise<Uint8Array | undefined> => {
    if (!(left > 0)) return undefined;
    const block = await blocks.next();
    if (block === undefined) {
      throw new SyntaxError("Cannot extract the tar archive: Unexpected end of Tarball");
    }
    const piece = block.subarray(0, Math.min(left, BLOCK));
    left -= piece.length;
    return piece;
  };
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const piece = await next();
      if (piece !== undefined) return controller.enqueue(piece as Uint8Array<ArrayBuffer>);
      done();
      controller.close();
      controller.byobRequest?.respond(0);
    },
    async cancel() {
      while (await next() !== undefined);
      done();
    },
  });
}

function headerOf(block: Uint8Array): OldStyleFormat | PosixUstarFormat {
  const text = (at: number, length: number) => decoder.decode(block.subarray(at, at + length));
  const name = (at: number, length: number) => text(at, length).split("\0")[0] ?? "";
  const stored = parseInt(text(148, 8), 8);
  block.fill(0x20, 148, 156);
  if (block.reduce((sum, byte) => sum + byte, 0) !== stored) {
    throw new SyntaxError(
      "Cannot extract the tar archive: An archive entry has invalid header checksum",
    );
  }
  const typeflag = text(156, 1);
  const header: OldStyleFormat = {
    name: name(0, 100),
    mode: parseInt(text(100, 8), 8),
    uid: parseInt(text(108, 8), 8),
    gid: parseInt(text(116, 8), 8),
    size: parseInt(text(124, 12), 8),
    mtime: parseInt(text(136, 11), 8),
    typeflag: typeflag === "\0" ? "0" : typeflag,
    linkname: name(157, 100),
  };
  if (text(257, 8) !== "ustar\x0000") return header;
  return {
    ...header,
    magic: text(257, 6),
    version: text(263, 2),
    uname: name(265, 32),
    gname: name(297, 32),
    devmajor: text(329, 8).replaceAll("\0", ""),
    devminor: text(337, 8).replaceAll("\0", ""),
    prefix: name(345, 155),
  };
}
