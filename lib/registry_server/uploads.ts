import { algorithmOf, createHasher, type Digest, type Hasher } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { guarded } from "../linux/mod.ts";
import { Refusal, refuse } from "./http.ts";

/** How an {@linkcode Uploads} keeps what comes. */
export interface UploadsOptions {
  /** A directory of its own; asked for at the first upload. */
  readonly directory: () => Promise<string>;
  /** ms without use after which an upload, or a blob that no manifest named, is dropped. */
  readonly lifetime: number;
  /** Most bytes of a blob. */
  readonly maxBytes: number;
  /** ms since some beginning. */
  readonly now: () => number;
}

/** A blob that came whole, was hashed, and waits for a manifest that names it. */
export interface UploadedBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Its file. */
  readonly path: string;
}

/** An upload that runs. */
export interface Upload {
  readonly id: string;
  /** The repository as it was asked for. */
  readonly repository: string;
  /** Bytes that are here. */
  readonly size: number;
}

interface Running extends Upload {
  size: number;
  readonly path: string;
  readonly hasher: Hasher;
  usedAt: number;
  /** Ends the request that writes now. */
  abort: AbortController | undefined;
  /** Settles when nobody writes any more. */
  idle: Promise<void>;
}

interface Kept extends UploadedBlob {
  usedAt: number;
  readers: number;
}

/** Uploads at once, and blobs that wait. */
const MAX_RUNNING = 1000;
const MAX_KEPT = 100_000;

/**
 * Uploads, and blobs that no manifest named yet, as files with numbers for names in a scratch directory.
 *
 * What came of an upload whose connection broke stays, so that the client can go on; the newest request
 * of an upload wins over one that hangs. An upload and a blob are dropped when nobody used them for the
 * lifetime, and all of them when the server ends.
 */
export class Uploads implements AsyncDisposable {
  readonly #options: UploadsOptions;
  readonly #running = new Map<string, Running>();
  readonly #kept = new Map<Digest, Kept>();
  #directory: Promise<string> | undefined;
  #count = 0;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Begins an upload. @throws {Refusal} 429 */
  async begin(repository: string): Promise<Upload> {
    await this.sweep();
    if (this.#running.size >= MAX_RUNNING || this.#kept.size >= MAX_KEPT) {
      throw refuse(429, "TOOMANYREQUESTS", "too many uploads at once");
    }
    this.#directory ??= this.#options.directory();
    const path = `${await this.#directory}/${this.#count++}`;
    await guarded("begin an upload", async () => {
      (await Deno.open(path, { write: true, createNew: true, mode: 0o600 })).close();
    });
    const upload: Running = {
      id: crypto.randomUUID(),
      repository,
      size: 0,
      path,
      hasher: createHasher("sha256"),
      usedAt: this.#options.now(),
      abort: undefined,
      idle: Promise.resolve(),
    };
    this.#running.set(upload.id, upload);
    return upload;
  }

  /** An upload of a repository. @throws {Refusal} 404 */
  get(repository: string, id: string): Upload {
    return this.#get(repository, id);
  }

  /**
   * Appends bytes. With `at` they must follow what is here.
   *
   * @throws {Refusal} 404, 413, 416 when they do not follow
   */
  async append(
    { repository, id }: Pick<Upload, "repository" | "id">,
    bytes: AsyncIterable<Uint8Array>,
    at?: number,
  ): Promise<Upload> {
    const upload = this.#get(repository, id);
    // Whoever asks now knows more than a request before it, which may hang.
    upload.abort?.abort(refuse(400, "BLOB_UPLOAD_INVALID", "another request took the upload over"));
    const before = upload.idle;
    const turn = Promise.withResolvers<void>();
    upload.idle = turn.promise;
    await before;
    const abort = new AbortController();
    try {
      // It may have ended meanwhile.
      this.#get(repository, id);
      upload.abort = abort;
      if (at !== undefined && at !== upload.size) throw outOfOrder(upload);
      await this.#write(upload, bytes, abort.signal);
    } catch (error) {
      if (comesToNothing(error) && this.#running.delete(id)) await remove(upload.path);
      throw error;
    } finally {
      upload.usedAt = this.#options.now();
      if (upload.abort === abort) upload.abort = undefined;
      turn.resolve();
    }
    return this.#get(repository, id);
  }

  /** Ends an upload whose bytes are all here. @throws {Refusal} 404, 400 when it is another blob */
  async finish(
    { repository, id }: Pick<Upload, "repository" | "id">,
    digest: Digest,
  ): Promise<UploadedBlob> {
    const upload = this.#get(repository, id);
    await upload.idle;
    if (!this.#running.delete(id)) throw unknownUpload();
    const { path, size } = upload;
    const actual = algorithmOf(digest) === "sha256"
      ? upload.hasher.digest()
      : await digestOf(path, digest);
    if (actual !== digest) {
      await remove(path);
      throw refuse(400, "DIGEST_INVALID", "the bytes are another blob", { digest, actual });
    }
    const known = this.#kept.get(digest);
    if (known !== undefined) {
      known.usedAt = this.#options.now();
      await remove(path);
      return known;
    }
    const blob: Kept = { digest, size, path, usedAt: this.#options.now(), readers: 0 };
    this.#kept.set(digest, blob);
    return blob;
  }

  /** Gives an upload up. @throws {Refusal} 404 */
  async cancel(repository: string, id: string): Promise<void> {
    const upload = this.#get(repository, id);
    this.#running.delete(id);
    upload.abort?.abort(unknownUpload());
    await upload.idle;
    await remove(upload.path);
  }

  /** A blob that waits. */
  blob(digest: Digest): UploadedBlob | undefined {
    const blob = this.#kept.get(digest);
    if (blob !== undefined) blob.usedAt = this.#options.now();
    return blob;
  }

  /** Keeps the file of a blob while it is read; `undefined` when it is not here. */
  hold(digest: Digest): (UploadedBlob & Disposable) | undefined {
    const blob = this.#kept.get(digest);
    if (blob === undefined) return undefined;
    blob.readers++;
    let held = true;
    return {
      ...blob,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        blob.readers--;
        blob.usedAt = this.#options.now();
        if (blob.readers === 0 && this.#kept.get(digest) !== blob) void remove(blob.path);
      },
    };
  }

  /** Drops a blob; whether it was here. Who reads it reads on. */
  async drop(digest: Digest): Promise<boolean> {
    const blob = this.#kept.get(digest);
    if (blob === undefined) return false;
    this.#kept.delete(digest);
    if (blob.readers === 0) await remove(blob.path);
    return true;
  }

  /** Drops what nobody used for the lifetime. */
  async sweep(): Promise<void> {
    const end = this.#options.now() - this.#options.lifetime;
    for (const { id, repository, usedAt, abort } of [...this.#running.values()]) {
      if (usedAt <= end && abort === undefined) await this.cancel(repository, id);
    }
    for (const { digest, usedAt, readers } of [...this.#kept.values()]) {
      if (usedAt <= end && readers === 0) await this.drop(digest);
    }
  }

  /** Drops everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    const directory = await this.#directory?.catch(() => undefined);
    for (const { id, repository } of [...this.#running.values()]) await this.cancel(repository, id);
    this.#kept.clear();
    if (directory !== undefined) await remove(directory);
  }

  #get(repository: string, id: string): Running {
    const upload = this.#running.get(id);
    if (upload?.repository !== repository) throw unknownUpload();
    return upload;
  }

  async #write(
    upload: Running,
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    await guarded("write an upload", async () => {
      using file = await Deno.open(upload.path, { write: true });
      // What a write that failed left behind the bytes that count is written over.
      await file.seek(upload.size, Deno.SeekMode.Start);
      for await (const piece of ended(bytes, signal)) {
        if (upload.size + piece.length > this.#options.maxBytes) {
          throw refuse(413, "SIZE_INVALID", `a blob has at most ${this.#options.maxBytes} bytes`);
        }
        for (let done = 0; done < piece.length;) done += await file.write(piece.subarray(done));
        upload.hasher.update(piece);
        upload.size += piece.length;
      }
    });
  }
}

/** How much of an upload is here, as its answers say it. */
export function uploadHeaders({ id, repository, size }: Upload): Record<string, string> {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, size - 1)}`,
    "docker-upload-uuid": id,
  };
}

function outOfOrder(upload: Upload): Refusal {
  return new Refusal(
    416,
    { code: "BLOB_UPLOAD_INVALID", message: `the upload has ${upload.size} bytes` },
    uploadHeaders(upload),
  );
}

function unknownUpload(): Refusal {
  return refuse(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload");
}

/** Whether an upload need not be gone on with: it is too long, or cannot be written. What it has takes the room of others. */
function comesToNothing(error: unknown): boolean {
  return error instanceof Refusal ? error.status === 413 : error instanceof VarveError;
}

/** Bytes until a signal ends them, also while the next ones are waited for. */
async function* ended(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  // A promise for each step: one for all of them would keep what every step came to.
  let step = Promise.withResolvers<IteratorResult<Uint8Array>>();
  const stop = () => step.reject(signal.reason);
  signal.addEventListener("abort", stop);
  const iterator = bytes[Symbol.asyncIterator]();
  let finished = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      step = Promise.withResolvers();
      iterator.next().then(step.resolve, step.reject);
      const { done, value } = await step.promise;
      finished = done === true;
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    // Not waited for: it may be what hangs.
    if (!finished) void iterator.return?.().catch(() => {});
  }
}

async function digestOf(path: string, digest: Digest): Promise<Digest> {
  const hasher = createHasher(algorithmOf(digest));
  for await (const piece of fileChunks(path, 0, Number.MAX_SAFE_INTEGER)) hasher.update(piece);
  return hasher.digest();
}

/** Bytes read at once. */
const CHUNK = 256 * 1024;

/** Up to `length` bytes of a file, each chunk a buffer of its own. */
export async function* fileChunks(
  path: string,
  start: number,
  length: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using file = await guarded("read an upload", () => Deno.open(path));
  await file.seek(start, Deno.SeekMode.Start);
  for (let left = length; left > 0;) {
    const buffer = new Uint8Array(Math.min(CHUNK, left));
    const read = await guarded("read an upload", () => file.read(buffer));
    if (read === null) return;
    left -= read;
    yield buffer.subarray(0, read);
  }
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
