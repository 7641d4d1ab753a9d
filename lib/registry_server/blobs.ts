import type { Digest } from "../digest/mod.ts";
import type { Store } from "../store/mod.ts";
import type { Catalog } from "./catalog.ts";
import { type Answer, type Ask, digestHeader, Refusal, refuse } from "./http.ts";
import { fileChunks, type Uploads } from "./uploads.ts";

/**
 * Blobs (distribution-spec, "Pulling blobs", "Deleting Blobs").
 *
 * Who may ask may ask for everything, so a blob of the store is a blob of every repository, and so is
 * one that was uploaded: nothing is sent to this registry that it has. Deleting is of what no image
 * names: an upload goes at once; a blob of the store is shown no more, and gc takes its bytes.
 */
export class Blobs {
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #uploads: Uploads;
  readonly #deleted = new Set<Digest>();

  constructor(store: Store, catalog: Catalog, uploads: Uploads) {
    this.#store = store;
    this.#catalog = catalog;
    this.#uploads = uploads;
  }

  /** Whether a blob is here, uploaded or in the store. */
  async has(digest: Digest): Promise<boolean> {
    return this.#uploads.blob(digest) !== undefined || await this.serves(digest);
  }

  /** Whether the store has a blob, not known to be damaged, that was not deleted, or that an image names again since. */
  async serves(digest: Digest): Promise<boolean> {
    const { verifiedAt = 0 } = this.#store.blobs.stat(digest) ?? {};
    if (verifiedAt === 0) return false;
    if (!this.#deleted.has(digest)) return true;
    if (await this.#catalog.ownerOf(digest) === undefined) return false;
    this.#deleted.delete(digest);
    return true;
  }

  /** GET and HEAD, whole or one range of it. */
  async get(digest: Digest, ask: Ask): Promise<Answer> {
    if (!await this.has(digest)) throw unknownBlob(digest);
    const size = (this.#uploads.blob(digest) ?? this.#store.blobs.stat(digest))?.size ?? 0;
    const etag = `"${digest}"`;
    const headers = {
      "content-type": "application/octet-stream",
      "accept-ranges": "bytes",
      etag,
      ...digestHeader(digest),
    };
    const condition = ask.header("if-range");
    const range = condition === undefined || condition === etag ? ask.header("range") : undefined;
    const run = rangeOf(range, size);
    if (run === "unsatisfiable") {
      throw new Refusal(
        416,
        { code: "SIZE_INVALID", message: `the blob has ${size} bytes` },
        { "content-range": `bytes */${size}` },
      );
    }
    const { start, end } = run ?? { start: 0, end: size };
    const length = { "content-length": String(end - start) };
    const part = run && { "content-range": `bytes ${start}-${end - 1}/${size}` };
    const status = run === undefined ? 200 : 206;
    if (ask.method === "HEAD") return { status, headers: { ...headers, ...length, ...part } };
    // A range that is the whole is verified as the whole is.
    const body = await this.#open(digest, end - start === size ? undefined : run, ask.signal);
    return { status, headers: { ...headers, ...length, ...part }, body };
  }

  /** DELETE. */
  async delete(digest: Digest): Promise<Answer> {
    const dropped = await this.#uploads.drop(digest);
    if (!await this.serves(digest)) {
      if (dropped) return { status: 202 };
      throw unknownBlob(digest);
    }
    const owner = await this.#catalog.ownerOf(digest);
    if (owner !== undefined) {
      throw refuse(405, "UNSUPPORTED", "an image names the blob: delete its manifests first", {
        image: owner,
      });
    }
    this.#deleted.add(digest);
    return { status: 202 };
  }

  async #open(
    digest: Digest,
    run: Run | undefined,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const uploads = this.#uploads;
    const blob = uploads.blob(digest);
    if (blob === undefined) {
      return await this.#store.blobs.open(digest, {
        signal,
        run,
      });
    }
    const { start, end } = run ?? { start: 0, end: blob.size };
    return ReadableStream.from((async function* () {
      using held = uploads.hold(digest);
      if (held === undefined) throw unknownBlob(digest);
      yield* fileChunks(held.path, start, end - start);
    })());
  }
}

function unknownBlob(digest: Digest): Refusal {
  return refuse(404, "BLOB_UNKNOWN", "there is no such blob", { digest });
}

interface Run {
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
}

/**
 * The one range that a header asks for (RFC 9110, 14.2); `undefined` for the whole: without a header,
 * and where it is malformed or asks for several.
 */
export function rangeOf(
  header: string | undefined,
  size: number,
): Run | "unsatisfiable" | undefined {
  const match = /^bytes=([0-9]{0,16})-([0-9]{0,16})$/.exec(header ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return undefined;
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return "unsatisfiable";
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}
