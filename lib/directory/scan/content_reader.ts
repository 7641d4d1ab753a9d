import { type ByteString, equalTimestamps, secondsAsNumber, zeros } from "../../bytes/mod.ts";
import { createHasher, sha256Bytes } from "../../digest/mod.ts";
import {
  type Fd,
  kernelRelease,
  pauseThread,
  readFd,
  readFully,
  releaseAtLeast,
  seekFd,
  type Stat,
  STAT_BLOCK,
  statFd,
} from "../../linux/mod.ts";
import { openScannedFile } from "./open_scanned.ts";
import { changed } from "./scan_failure.ts";

/**
 * Maximum size, in bytes, of a small file: it is read completely before it is passed on, and read
 * again if it changed meanwhile.
 */
const WHOLE = 1024 * 1024;

/** Maximum number of times that a changing file is read before it counts as busy. */
const TRIES = 8;

/** Maximum number of zeros of a hole that are passed on at once. */
const HOLE_STEP = 4 * 1024 * 1024;

/** Takes a file's content. The bytes are valid only during the call. */
export interface ContentSink {
  /** Called once, before the content. `fd` is open for reading. */
  begin(stat: Stat, fd: Fd): void;
  /** Takes the next bytes. */
  data(bytes: Uint8Array): void;
  /** Takes the next `length` bytes, which are all zero. */
  hole(length: number): void;
}

/**
 * Reads files that other processes may be writing. It passes on the content that a file had at one
 * moment, or throws.
 *
 * A small file is read completely. It is passed on if it did not change meanwhile; otherwise it is
 * read again. A large file is passed on while it is read. A change in that time is an error.
 */
export class ContentReader {
  readonly #root: Fd;
  readonly #buffer = new Uint8Array(WHOLE);

  /** Reads files below a directory. */
  constructor(root: Fd) {
    this.#root = root;
  }

  /**
   * Reads a file into a sink. It yields after each piece, so that the caller can pass the piece on.
   *
   * @throws {VarveError} `E_BUSY` when the file keeps changing, or is not a regular file any more
   */
  *read(path: ByteString, sink: ContentSink): Generator<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      using file = openScannedFile(this.#root, path);
      const { fd, stat } = file;
      if (!isSettled(stat)) {
        pauseThread(SETTLE_MS);
        continue;
      }
      waitForWriter(fd);
      if (stat.size > WHOLE) {
        sink.begin(stat, fd);
        yield* this.#stream(path, fd, stat, sink);
        if (!isAsBefore(fd, stat)) throw changed(path);
        return;
      }
      const bytes = this.#buffer.subarray(0, stat.size);
      if (readFully(fd, bytes, 0) !== stat.size || !isAsBefore(fd, stat)) continue;
      sink.begin(stat, fd);
      sink.data(bytes);
      yield;
      return;
    }
    throw changed(path);
  }

  /**
   * The SHA-256 of a file's content, and the stat(2) of the file when it was read.
   *
   * @throws {VarveError} `E_BUSY`
   */
  hash(path: ByteString, onBytes: (count: number) => void): HashedFile {
    const sink = new HashSink(onBytes);
    // The sink does all the work.
    for (const _ of this.read(path, sink));
    return sink.finish();
  }

  *#stream(path: ByteString, fd: Fd, stat: Stat, sink: ContentSink): Generator<void> {
    const { size } = stat;
    const sparse = stat.blocks * STAT_BLOCK < size;
    for (let at = 0; at < size;) {
      const data = sparse ? dataFrom(fd, at, size) : at;
      for (; at < data; at += HOLE_STEP) {
        sink.hole(Math.min(HOLE_STEP, data - at));
        yield;
      }
      at = data;
      const end = sparse && at < size ? Math.min(size, seekFd(fd, at, "hole")) : size;
      if (end <= at && at < size) throw changed(path);
      while (at < end) {
        const count = readFd(fd, this.#buffer.subarray(0, Math.min(WHOLE, end - at)), at);
        if (count === 0) throw changed(path);
        sink.data(this.#buffer.subarray(0, count));
        at += count;
        yield;
      }
    }
  }
}

/** Result of {@linkcode ContentReader.hash}. */
export interface HashedFile {
  readonly stat: Stat;
  /** 32 bytes; `null` for an empty file. */
  readonly digest: Uint8Array | null;
}

class HashSink implements ContentSink {
  #stat: Stat | undefined;
  #hasher: ReturnType<typeof createHasher> | undefined;
  #whole: Uint8Array | null = null;
  readonly #onBytes: (count: number) => void;

  constructor(onBytes: (count: number) => void) {
    this.#onBytes = onBytes;
  }

  begin(stat: Stat): void {
    this.#stat = stat;
  }

  data(bytes: Uint8Array): void {
    this.#onBytes(bytes.length);
    if (bytes.length === this.#stat?.size) {
      if (bytes.length > 0) this.#whole = sha256Bytes(bytes);
    } else (this.#hasher ??= createHasher()).update(bytes);
  }

  hole(length: number): void {
    this.#hasher ??= createHasher();
    for (const piece of zeros(length)) this.#hasher.update(piece);
    this.#onBytes(length);
  }

  finish(): HashedFile {
    return { stat: this.#stat as Stat, digest: this.#hasher?.bytes() ?? this.#whole };
  }
}

/**
 * Waits for a running write to end.
 *
 * A write first sets the file's time and then its bytes. A read between these two steps would get
 * old bytes with the new time, so a comparison of times would not notice the write. A writer holds
 * the inode's lock. A search for data by lseek(2) takes the same lock, so it waits for the writer.
 * (On file systems where lseek(2) does not take the lock, such as XFS, reading takes it.)
 */
function waitForWriter(fd: Fd): void {
  seekFd(fd, 0, "data");
}

/**
 * Minimum age in ms of a file's last change before the file is read. Before Linux 6.13, file times
 * have a resolution of up to 10 ms, so two writes can leave the same time.
 */
const SETTLE_MS = 20;
let hasFineTimes: boolean | undefined;

/** Whether every write from now on will change the file's times. */
function isSettled({ ctime }: Stat): boolean {
  hasFineTimes ??= releaseAtLeast(kernelRelease(), "6.13");
  if (hasFineTimes) return true;
  const age = Date.now() - (secondsAsNumber(ctime) * 1000 + ctime.ns / 1e6);
  return age > SETTLE_MS || age < 0;
}

function dataFrom(fd: Fd, at: number, size: number): number {
  const data = seekFd(fd, at, "data");
  return data < 0 ? size : Math.min(size, data);
}

/** Whether a file has not changed since it was opened. */
function isAsBefore(fd: Fd, before: Stat): boolean {
  const now = statFd(fd);
  return now.size === before.size && equalTimestamps(now.mtime, before.mtime) &&
    equalTimestamps(now.ctime, before.ctime);
}
