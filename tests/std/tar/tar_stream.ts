/** The writing half: inputs to the bytes of a ustar archive. */

/** A byte array over a plain buffer. */
// deno-lint-ignore camelcase
export type Uint8Array_ = Uint8Array<ArrayBuffer>;

/** Metadata of an input. */
export interface TarStreamOptions {
  /** Permission bits; 0o755 for directories and 0o644 for files by default. */
  mode?: number;
  /** User id. */
  uid?: number;
  /** Group id. */
  gid?: number;
  /** Seconds since the epoch; now by default. */
  mtime?: number;
  /** User name. */
  uname?: string;
  /** Group name. */
  gname?: string;
  /** Major device number. */
  devmajor?: string;
  /** Minor device number. */
  devminor?: string;
}

/** A file to write. */
export interface TarStreamFile {
  /** Tag. */
  type: "file";
  /** Path in the archive. */
  path: string;
  /** Bytes of the content. */
  size: number;
  /** The content. */
  readable: ReadableStream<Uint8Array>;
  /** Metadata. */
  options?: TarStreamOptions;
}

/** A directory to write. */
export interface TarStreamDir {
  /** Tag. */
  type: "directory";
  /** Path in the archive. */
  path: string;
  /** Metadata. */
  options?: TarStreamOptions;
}

/** What can be written. */
export type TarStreamInput = TarStreamFile | TarStreamDir;

const BLOCK = 512;
const MAX_SIZE = 8 ** 12;
const encoder = new TextEncoder();

/** Makes a ustar archive of inputs. */
export class TarStream implements TransformStream<TarStreamInput, Uint8Array_> {
  readonly #readable: ReadableStream<Uint8Array_>;
  readonly #writable: WritableStream<TarStreamInput>;

  constructor() {
    const inputs = new TransformStream<TarStreamInput, TarStreamInput>();
    this.#writable = inputs.writable;
    this.#readable = ReadableStream.from(archive(inputs.readable));
  }

  /** The archive. */
  get readable(): ReadableStream<Uint8Array_> {
    return this.#readable;
  }

  /** Takes the inputs. */
  get writable(): WritableStream<TarStreamInput> {
    return this.#writable;
  }
}

async function* archive(inputs: ReadableStream<TarStreamInput>): AsyncGenerator<Uint8Array_> {
  for await (const input of inputs) {
    yield headerOf(input);
    if (input.type === "directory") continue;
    let size = 0;
    for await (const chunk of input.readable) {
      size += chunk.length;
      yield* blocksOf(chunk);
    }
    if (size !== input.size) {
      throw new RangeError(
        `Cannot add to the tar archive: The provided size (${input.size}) did not match bytes read from provided readable (${size})`,
      );
    }
    if (size % BLOCK > 0) yield new Uint8Array(BLOCK - size % BLOCK);
  }
  yield new Uint8Array(2 * BLOCK);
}

/** The real one moves in steps of a block. */
function* blocksOf(chunk: Uint8Array): Generator<Uint8Array_> {
  for (let at = 0; at < chunk.length; at += BLOCK) yield chunk.slice(at, at + BLOCK);
}

function headerOf(input: TarStreamInput): Uint8Array_ {
  const options = input.options ?? {};
  assertValidTarStreamOptions(options);
  const size = input.type === "file" ? input.size : 0;
  if (!(size >= 0 && size <= MAX_SIZE)) {
    throw new RangeError("Cannot add to the tar archive: The size cannot exceed 64 Gibs");
  }
  const block = new Uint8Array(BLOCK);
  const [prefix, name] = splitPath(encoder.encode(input.path));
  block.set(name, 0);
  block.set(prefix, 345);
  const mode = options.mode ?? (input.type === "file" ? 0o644 : 0o755);
  text(block, 100, `${octal(mode, 6)} \0`);
  text(block, 108, `${octal(options.uid ?? 0, 6)} \0`);
  text(block, 116, `${octal(options.gid ?? 0, 6)} \0`);
  // A twelfth digit in the place of the space is the extension that reaches 64 GiB.
  text(block, 124, size > 8 ** 11 ? octal(size, 12) : `${octal(size, 11)} `);
  text(block, 136, `${octal(options.mtime ?? Math.floor(Date.now() / 1000), 11)} `);
  text(block, 148, " ".repeat(8));
  text(block, 156, input.type === "file" ? "0" : "5");
  text(block, 257, "ustar\x0000");
  text(block, 265, options.uname ?? "");
  text(block, 297, options.gname ?? "");
  text(block, 329, options.devmajor ?? "");
  text(block, 337, options.devminor ?? "");
  text(block, 148, `${octal(block.reduce((sum, byte) => sum + byte, 0), 6)}\0`);
  return block;
}

function text(block: Uint8Array, at: number, value: string): void {
  block.set(encoder.encode(value), at);
}

/** The last digits of a whole number in octal. */
function octal(value: number, digits: number): string {
  return Math.floor(value).toString(8).padStart(digits, "0").slice(-digits);
}

/** Throws when an option cannot be written. */
export function assertValidTarStreamOptions(options: TarStreamOptions): void {
  const numbers = [["Mode", options.mode, 6], ["UID", options.uid, 6], ["GID", options.gid, 6], [
    "MTime",
    options.mtime,
    11,
  ]] as const;
  for (const [what, value, digits] of numbers) {
    if (value != undefined && !(value >= 0 && value < 8 ** digits)) invalid(what);
  }
  for (const [what, value] of [["UName", options.uname], ["GName", options.gname]] as const) {
    // deno-lint-ignore no-control-regex
    if (value && !/^[\x00-\x7f]{0,31}$/.test(value)) invalid(what);
  }
  if (options.devmajor && options.devmajor.length > 8) invalid("DevMajor");
  if (options.devminor && options.devminor.length > 8) invalid("DevMinor");
}

function invalid(what: string): never {
  throw new TypeError(`Cannot add to the tar archive: Invalid ${what} provided`);
}

/** Throws when a path cannot be written. */
export function assertValidPath(path: string): void {
  splitPath(encoder.encode(path));
}

/** Prefix and name: the name takes as many parts from the end as fit its 100 bytes. */
function splitPath(path: Uint8Array): [prefix: Uint8Array, name: Uint8Array] {
  if (path.length <= 100) return [path.subarray(0, 0), path];
  if (path.length > 256) {
    throw new RangeError(
      `Cannot parse the path as the path length cannot exceed 256 bytes: The path length is ${path.length}`,
    );
  }
  const slash = "/".charCodeAt(0);
  let at = Math.max(0, path.lastIndexOf(slash));
  if (path.length - at > 100) {
    throw new RangeError(
      `Cannot parse the path as the file cannot exceed 100 bytes: The filename length is ${
        path.length - at
      }`,
    );
  }
  while (at > 0) {
    const earlier = path.lastIndexOf(slash, at - 1);
    if (earlier < 0 || path.length - earlier > 100) break;
    at = earlier;
  }
  if (at > 155) {
    throw new TypeError(
      "Cannot parse the path as the path needs to be split-able on a forward slash separator into [155, 100] bytes respectively",
    );
  }
  return [path.subarray(0, at), path.subarray(at + 1)];
}
