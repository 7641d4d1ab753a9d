import { type ByteString, secondsAsNumber, zeros } from "../../bytes/mod.ts";
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
  statFd,
} from "../../linux/mod.ts";
import { openScannedFile } from "./open_scanned.ts";
import { changed } from "./scan_failure.ts";

/** Up to this size a file is read whole, and again when it changed meanwhile. */
const WHOLE = 1024 * 1024;

/** How often a file is read before it counts as busy. */
const TRIES = 8;

/** Zeros that are told at once. */
const HOLE_STEP = 4 * 1024 * 1024;

/** Takes a file's content. Bytes are lent for the call. */
export interface ContentSink {
  /** The file is as `stat` says; `fd` is open for reading. Called once, before the content. */
  begin(stat: Stat, fd: Fd): void;
  /** Bytes. */
  data(bytes: Uint8Array): void;
  /** Zeros. */
  hole(length: number): void;
}

/**
 * Reads files that others may be writing: what is given is a file as it was at one moment, or an error.
 *
 * A small file is given once it was read whole and did not change meanwhile. A
 * large one is given while it is read, and is an error if it did.
 */
export class ContentReader {
  readonly #root: Fd;
  readonly #buffer = new Uint8Array(WHOLE);

  /** Reads files below a directory. */
  constructor(root: Fd) {
    this.#root = root;
  }

  /**
   * Reads a file; it is given in steps, so that the caller can pass on what it has between them.
   *
   * @throws {VarveError} `E_BUSY` when it changes while it is read, or is no file any more
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

  /** The sha256 of a file's content, and what the file was. @throws {VarveError} `E_BUSY` */
  hash(path: ByteString, onBytes: (count: number) => void): HashedFile {
    const sink = new HashSink(onBytes);
    // Whoever hashes has nothing to do between the steps.
    for (const _ of this.read(path, sink));
    return sink.finish();
  }

  *#stream(path: ByteString, fd: Fd, stat: Stat, sink: ContentSink): Generator<void> {
    const { size } = stat;
    const sparse = stat.blocks * 512 < size;
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

/** What {@linkcode ContentReader.hash} found. */
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
 * Waits until a write that has begun is done. A write gives the file its new time first and its bytes
 * then, so that one in between could not be told from the times. Writers hold the inode's lock, and to
 * look for data takes it, too (or, as on XFS, to read does).
 */
function waitForWriter(fd: Fd): void {
  seekFd(fd, 0, "data");
}

/** Before Linux 6.13 a file's times move by ticks of up to 10 ms: two writes can have the same. */
const SETTLE_MS = 20;
let hasFineTimes: boolean | undefined;

/** Whether a write from now on will be seen in the file's times. */
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

/** Whether a file is still as it was when it was opened. */
function isAsBefore(fd: Fd, before: Stat): boolean {
  const now = statFd(fd);
  return now.size === before.size && sameTime(now.mtime, before.mtime) &&
    sameTime(now.ctime, before.ctime);
}

function sameTime(a: Stat["mtime"], b: Stat["mtime"]): boolean {
  return a.ns === b.ns && a.lo === b.lo && a.hi === b.hi;
}
