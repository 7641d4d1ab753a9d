/** A registry that takes uploads as the distribution specification says, or with a deviation that a test wants. */
import { assert, assertEquals } from "@std/assert";
import { sha256Of } from "../images/images.ts";
import type { Answer } from "./hostile_registry.ts";

/** How the registry takes uploads. */
export interface UploadRules {
  /** Sent as `OCI-Chunk-Min-Length`. */
  readonly least?: number;
  /** Whether it drops all bytes of a request that was cut. */
  readonly dropsCut?: boolean;
  /** Whether an upload is lost when one of its requests was cut. */
  readonly losesCut?: boolean;
  /** Whether it answers 500 when it is asked how far an upload is. */
  readonly hidesPlace?: boolean;
  /** Status for a body without length. */
  readonly refusesStream?: number;
  /** Bytes of the longest body that it takes; a longer one gets 413. */
  readonly most?: number;
  /** Answer to the first PATCH. */
  readonly firstPatch?: () => Response;
  /** Status for the PUT that closes the first upload, although the upload succeeds. */
  readonly closesWith?: number;
  /** What it does before it closes an upload. */
  readonly beforeClose?: () => Promise<void>;
  /** Number of bytes that it claims to have beyond those it has. */
  readonly boasts?: number;
}

interface Upload {
  readonly chunks: Uint8Array[];
  size: number;
  /** Number of answers so far: part of the Location, which changes with each answer. */
  state: number;
  /** Settles when the newest of its requests has been answered. */
  busy: Promise<unknown>;
}

/** Keeps blobs and manifests. A request that breaks the specification gets 500, and so fails the test. */
export class UploadRegistry {
  readonly blobs: Map<string, Uint8Array> = new Map();
  readonly manifests: Map<string, Uint8Array> = new Map();
  /** Lengths of the bodies of PATCH requests that arrived whole. */
  readonly patches: number[] = [];
  /** Number of closed uploads. */
  closed = 0;
  #asked = 0;
  readonly #rules: UploadRules;
  readonly #uploads = new Map<string, Upload>();

  constructor(rules: UploadRules = {}) {
    this.#rules = rules;
  }

  readonly answer: Answer = async (request, url) => {
    const digest = /\/blobs\/(sha256:.*)$/.exec(url.pathname)?.[1];
    if (request.method === "HEAD" && digest !== undefined) {
      return new Response("", { status: this.blobs.has(digest) ? 200 : 404 });
    }
    if (request.method === "POST") return this.#begin();
    const name = /\/manifests\/(.*)$/.exec(url.pathname)?.[1];
    if (name !== undefined && request.method === "PUT") {
      this.manifests.set(name, new Uint8Array(await request.arrayBuffer()));
      return new Response("", { status: 201 });
    }
    const id = /\/blobs\/uploads\/([0-9]+)$/.exec(url.pathname)?.[1] ?? "";
    const upload = this.#uploads.get(id);
    if (upload === undefined) return undefined;
    // One request of an upload after the other; the one before may have lost it.
    const before = upload.busy;
    const answer = before.then(() =>
      this.#uploads.get(id) === upload ? this.#next(id, upload, request, url) : undefined
    );
    upload.busy = answer.catch(() => {});
    return await answer;
  };

  async #next(
    id: string,
    upload: Upload,
    request: Request,
    url: URL,
  ): Promise<Response | undefined> {
    assertEquals(url.searchParams.get("state"), `${upload.state}`, "not the last Location");
    if (request.method === "GET" && this.#rules.hidesPlace === true) {
      return new Response("", { status: 500 });
    }
    if (request.method === "GET") return this.#where(id, upload, 204);
    if (request.method === "PATCH") return await this.#patch(id, upload, request);
    if (request.method === "PUT") return await this.#close(id, upload, request, url);
    return undefined;
  }

  #begin(): Response {
    const id = `${this.#uploads.size + this.closed + 1}`;
    this.#uploads.set(id, { chunks: [], size: 0, state: 0, busy: Promise.resolve() });
    const { least } = this.#rules;
    return this.#where(
      id,
      this.#uploads.get(id) as Upload,
      202,
      least === undefined ? {} : { "oci-chunk-min-length": `${least}` },
    );
  }

  #where(id: string, upload: Upload, status: number, headers: HeadersInit = {}): Response {
    const { boasts = 0 } = this.#rules;
    upload.state++;
    const location = `/v2/app/blobs/uploads/${id}?state=${upload.state}`;
    const range = `0-${Math.max(0, upload.size - 1 + (status === 204 ? boasts : 0))}`;
    return new Response(status === 204 ? null : "", {
      status,
      headers: { ...headers, location, range },
    });
  }

  async #patch(id: string, upload: Upload, request: Request): Promise<Response> {
    const range = request.headers.get("content-range");
    const length = request.headers.get("content-length");
    if (length === null && this.#rules.refusesStream !== undefined) {
      return new Response("", { status: this.#rules.refusesStream });
    }
    const { most = Infinity, firstPatch } = this.#rules;
    if (firstPatch !== undefined && ++this.#asked === 1) return firstPatch();
    if (Number(length ?? Infinity) > most) return new Response("", { status: 413 });
    if (range !== null) {
      const [, from, to] = /^([0-9]+)-([0-9]+)$/.exec(range) ?? [];
      assert(from !== undefined && to !== undefined, range);
      if (length !== null) assertEquals(Number(length), Number(to) - Number(from) + 1);
      if (Number(from) !== upload.size) return this.#where(id, upload, 416);
    }
    const before = upload.size;
    try {
      for await (const chunk of request.body ?? []) {
        upload.chunks.push(chunk);
        upload.size += chunk.length;
      }
    } catch (error) {
      if (this.#rules.losesCut === true) this.#uploads.delete(id);
      if (this.#rules.dropsCut === true) {
        const kept = bytesOf(upload).subarray(0, before);
        upload.chunks.splice(0, Infinity, kept);
        upload.size = before;
      }
      throw error;
    }
    this.patches.push(upload.size - before);
    return this.#where(id, upload, 202);
  }

  async #close(id: string, upload: Upload, request: Request, url: URL): Promise<Response> {
    upload.chunks.push(new Uint8Array(await request.arrayBuffer()));
    await this.#rules.beforeClose?.();
    const bytes = bytesOf(upload);
    this.#uploads.delete(id);
    this.closed++;
    const digest = sha256Of(bytes);
    if (digest !== url.searchParams.get("digest")) return new Response("", { status: 400 });
    this.blobs.set(digest, bytes);
    const { closesWith = 201 } = this.#rules;
    return new Response("", { status: this.closed === 1 ? closesWith : 201 });
  }
}

function bytesOf({ chunks }: Upload): Uint8Array {
  const out = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}
