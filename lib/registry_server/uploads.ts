import { algorithmOf, createHasher, type Digest, type Hasher } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { guarded } from "../linux/mod.ts";
import { fileChunks } from "./file_chunks.ts";
import { Refusal, refuse } from "./http.ts";
import { untilAborted } from "./until_aborted.ts";

/** Settings of {@linkcode Uploads}. */
export interface UploadsOptions {
  /** Makes a directory for the files; called at the first upload. */
  readonly directory: () => Promise<string>;
  /** Milliseconds without use after which an upload, or a blob that no manifest named, is dropped. */
  readonly lifetime: number;
  /** Largest blob in bytes. */
  readonly maxBytes: number;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/** A blob that was uploaded whole and verified, and waits for a manifest that names it. */
export interface UploadedBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Path of the file with the bytes. */
  readonly path: string;
}

/** An upload that is not complete yet. */
export interface Upload {
  readonly id: string;
  /** The repository name in the request that began the upload. */
  readonly repository: string;
  /** Number of bytes that arrived so far. */
  readonly size: number;
}

interface RunningUpload extends Upload {
  size: number;
  readonly path: string;
  readonly hasher: Hasher;
  usedAt: number;
  /** Aborts the request that is writing; `undefined` when none is. */
  abort: AbortController | undefined;
  /** Settles when no request writes any more. */
  idle: Promise<void>;
}

interface WaitingBlob extends UploadedBlob {
  usedAt: number;
  readers: number;
}

/** Maximum number of uploads at the same time. */
const MAX_RUNNING = 1000;
/** Maximum number of blobs that wait for a manifest. */
const MAX_WAITING = 100_000;

/**
 * Uploads, and uploaded blobs that no manifest has named yet. They are files in a scratch
 * directory, named by numbers.
 *
 * When the connection of an upload breaks, its bytes stay, so that the client can resume. A new
 * request for an upload aborts an earlier request, which may hang. An upload or a blob is dropped
 * when it was not used for the lifetime; all of them are dropped when the server ends.
 */
export class Uploads implements AsyncDisposable {
  readonly #options: UploadsOptions;
  readonly #running = new Map<string, RunningUpload>();
  readonly #waiting = new Map<Digest, WaitingBlob>();
  #directory: Promise<string> | undefined;
  #count = 0;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Begins an upload. @throws {Refusal} 429 when there are too many */
  async begin(repository: string): Promise<Upload> {
    await this.sweep();
    if (this.#running.size >= MAX_RUNNING || this.#waiting.size >= MAX_WAITING) {
      throw refuse(429, "TOOMANYREQUESTS", "too many uploads at once");
    }
    const path = `${await this.#files()}/${this.#count++}`;
    await guarded("begin an upload", async () => {
      (await Deno.open(path, { write: true, createNew: true, mode: 0o600 })).close();
    });
    const upload: RunningUpload = {
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

  /** The directory of the files. If it cannot be made, the next upload tries again. */
  async #files(): Promise<string> {
    const directory = this.#directory ??= this.#options.directory();
    try {
      return await directory;
    } catch (error) {
      if (this.#directory === directory) this.#directory = undefined;
      throw error;
    }
  }

  /** An upload of a repository. @throws {Refusal} 404 */
  get(repository: string, id: string): Upload {
    return this.#get(repository, id);
  }

  /**
   * Appends bytes. `at`, if given, must be the size of the upload so far.
   *
   * @throws {Refusal} 404, 413 when the blob gets too large, 416 when `at` is another offset
   */
  async append(
    { repository, id }: Pick<Upload, "repository" | "id">,
    bytes: AsyncIterable<Uint8Array>,
    at?: number,
  ): Promise<Upload> {
    const upload = this.#get(repository, id);
    // A client that asks again has given up its earlier request, which may hang.
    upload.abort?.abort(refuse(400, "BLOB_UPLOAD_INVALID", "another request took the upload over"));
    const before = upload.idle;
    const turn = Promise.withResolvers<void>();
    upload.idle = turn.promise;
    await before;
    const abort = new AbortController();
    try {
      // The upload may have ended meanwhile.
      this.#get(repository, id);
      upload.abort = abort;
      if (at !== undefined && at !== upload.size) throw outOfOrder(upload);
      await this.#write(upload, bytes, abort.signal);
    } catch (error) {
      if (isFatal(error) && this.#running.delete(id)) await remove(upload.path);
      throw error;
    } finally {
      upload.usedAt = this.#options.now();
      if (upload.abort === abort) upload.abort = undefined;
      turn.resolve();
    }
    return this.#get(repository, id);
  }

  /**
   * Completes an upload that has all of its bytes.
   *
   * @throws {Refusal} 404, 400 when the digest differs
   */
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
    const known = this.#waiting.get(digest);
    if (known !== undefined) {
      known.usedAt = this.#options.now();
      await remove(path);
      return known;
    }
    const blob: WaitingBlob = { digest, size, path, usedAt: this.#options.now(), readers: 0 };
    this.#waiting.set(digest, blob);
    return blob;
  }

  /** Cancels an upload and removes its bytes. @throws {Refusal} 404 */
  async cancel(repository: string, id: string): Promise<void> {
    const upload = this.#get(repository, id);
    this.#running.delete(id);
    upload.abort?.abort(unknownUpload());
    await upload.idle;
    await remove(upload.path);
  }

  /** A blob that waits for a manifest. The look-up counts as a use. */
  blob(digest: Digest): UploadedBlob | undefined {
    const blob = this.#waiting.get(digest);
    if (blob !== undefined) blob.usedAt = this.#options.now();
    return blob;
  }

  /**
   * Keeps the file of a waiting blob until the result is disposed. Returns `undefined` when there
   * is no such blob.
   */
  hold(digest: Digest): (UploadedBlob & Disposable) | undefined {
    const blob = this.#waiting.get(digest);
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
        if (blob.readers === 0 && this.#waiting.get(digest) !== blob) void remove(blob.path);
      },
    };
  }

  /** Drops a waiting blob, and says whether there was one. Its file stays until the last holder is done. */
  async drop(digest: Digest): Promise<boolean> {
    const blob = this.#waiting.get(digest);
    if (blob === undefined) return false;
    this.#waiting.delete(digest);
    if (blob.readers === 0) await remove(blob.path);
    return true;
  }

  /** Drops the uploads and blobs that were not used for the lifetime. */
  async sweep(): Promise<void> {
    const end = this.#options.now() - this.#options.lifetime;
    for (const { id, repository, usedAt, abort } of [...this.#running.values()]) {
      if (usedAt <= end && abort === undefined) await this.cancel(repository, id);
    }
    for (const { digest, usedAt, readers } of [...this.#waiting.values()]) {
      if (usedAt <= end && readers === 0) await this.drop(digest);
    }
  }

  /** Drops everything, and removes the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    const directory = await this.#directory?.catch(() => undefined);
    for (const { id, repository } of [...this.#running.values()]) await this.cancel(repository, id);
    this.#waiting.clear();
    if (directory !== undefined) await remove(directory);
  }

  #get(repository: string, id: string): RunningUpload {
    const upload = this.#running.get(id);
    if (upload?.repository !== repository) throw unknownUpload();
    return upload;
  }

  async #write(
    upload: RunningUpload,
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    await guarded("write an upload", async () => {
      using file = await Deno.open(upload.path, { write: true });
      // A write that failed may have left bytes after the counted ones. Overwrite them.
      await file.seek(upload.size, Deno.SeekMode.Start);
      for await (const piece of untilAborted(bytes, signal)) {
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

/** The headers that tell a client the address of an upload and how many bytes arrived. */
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

/**
 * Whether an upload cannot be resumed after an error, because it is too large or cannot be written.
 * Such an upload is dropped: its bytes would only take up space.
 */
function isFatal(error: unknown): boolean {
  return error instanceof Refusal ? error.status === 413 : error instanceof VarveError;
}

async function digestOf(path: string, digest: Digest): Promise<Digest> {
  const hasher = createHasher(algorithmOf(digest));
  for await (const piece of fileChunks(path, 0, Number.MAX_SAFE_INTEGER)) hasher.update(piece);
  return hasher.digest();
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
