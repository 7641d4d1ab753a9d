import { joinBytes } from "../bytes/mod.ts";
import { compressionMagic } from "../codec/compress/mod.ts";
import { TarReader } from "../codec/tar/mod.ts";
import { equalDigests } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { ImageIngest } from "../image/internal.ts";
import type { Entry } from "../layer/mod.ts";
import { compressionOf } from "./archive_content.ts";
import { DocumentBudget } from "./document_budget.ts";
import { headOf, readDocument } from "./directory_files.ts";
import { EntryTable } from "./entry_table.ts";
import {
  type ArchiveFiles,
  digestOfName,
  type FileAt,
  FILES_HINT,
  type OpenFilesOptions,
  OUTER_LIMITS,
} from "./files.ts";
import { COMPRESSED_HEAD, looksLikeLayer, PLAIN_HEAD } from "./looks_like_layer.ts";
import { Pipe } from "./pipe.ts";
import { endArchive } from "./tar_files.ts";

/**
 * Limit for the total size of all documents in bytes. If the limit for a single document is larger, that limit applies
 * instead.
 */
const DOCUMENT_BUDGET = 64 * 1024 * 1024;
/** The files that say what an archive is. */
const MARKS: readonly string[] = ["oci-layout", "index.json", "manifest.json", "repositories"];
/**
 * Number of files that are no part of an image, and that may come before any of {@linkcode MARKS}. Images have none of
 * them. The files of a system have so many among their first that they are refused before the rest is read.
 */
const MAX_STRANGE = 100;

/**
 * The files of a tar that comes as a stream and is read once. Layers go to jobs as they arrive. Other large files are
 * staged as blobs, and documents are kept in memory. The purpose of each file becomes known at the end, when the
 * documents are complete.
 *
 * @param carriedIn size of the compressed archive in bytes, if the archive is a compressed file
 * @throws {VarveError} as the tar reader; `E_LIMIT` when the documents are too large
 */
export async function streamFiles(
  label: string,
  bytes: AsyncIterable<Uint8Array>,
  { ingest, maxDocument }: OpenFilesOptions,
  carriedIn?: number,
): Promise<ArchiveFiles> {
  const demux = new Demux(label, ingest, maxDocument, carriedIn);
  const reader = new TarReader(demux, { limits: OUTER_LIMITS });
  try {
    for await (const chunk of bytes) {
      ingest.signal.throwIfAborted();
      reader.push(chunk);
      await demux.drained();
    }
    if (reader.position === 0) {
      throw new VarveError("E_TRUNCATED", `Cannot load ${label}: it is empty`);
    }
    endArchive(reader, ingest);
  } catch (error) {
    await demux.fail(error);
    throw error;
  }
  const table = await demux.finish();
  const find = (name: string) => Promise.resolve().then(() => table.find(name));
  const files: ArchiveFiles = {
    label,
    find,
    document: (name, maxBytes, setting) => readDocument(files, name, maxBytes, setting),
    head: headOf,
  };
  return files;
}

/**
 * What to do with the body that is being read. Its first bytes (`head`) decide whether it is kept as a document or
 * piped to a job.
 */
type Body =
  | {
    readonly kind: "head";
    readonly name: string;
    readonly entry: Entry;
    readonly parts: Uint8Array[];
    length: number;
    /** Number of bytes that are needed to decide. */
    wanted: number;
  }
  | { readonly kind: "document"; readonly name: string; readonly parts: Uint8Array[] }
  | { readonly kind: "pipe"; readonly pipe: Pipe };

class Demux {
  readonly #label: string;
  readonly #ingest: ImageIngest;
  readonly #table: EntryTable;
  readonly #running: Promise<void>[] = [];
  #body: Body | undefined;
  #failure: { readonly error: unknown } | undefined;
  readonly #maxDocument: number;
  readonly #carriedIn: number | undefined;
  readonly #budget: DocumentBudget;
  /** Number of files that are no part of an image; `undefined` when one has said what the archive is. */
  #strange: number | undefined = 0;

  constructor(
    label: string,
    ingest: ImageIngest,
    maxDocument: number,
    carriedIn: number | undefined,
  ) {
    this.#carriedIn = carriedIn;
    this.#maxDocument = maxDocument;
    this.#budget = new DocumentBudget(label, Math.max(DOCUMENT_BUDGET, maxDocument));
    this.#label = label;
    this.#ingest = ingest;
    this.#table = new EntryTable(label);
  }

  entry(entry: Entry): void {
    if (entry.type === "symlink" || entry.type === "hardlink") return this.#table.addLink(entry);
    if (entry.type !== "file") return;
    const name = this.#table.nameOf(entry);
    this.#body = { kind: "head", name, entry, parts: [], length: 0, wanted: PLAIN_HEAD };
  }

  data(chunk: Uint8Array): void {
    const body = this.#body;
    if (body === undefined) return;
    const copy = chunk.slice();
    if (body.kind === "pipe") return body.pipe.push(copy);
    body.parts.push(copy);
    if (body.kind !== "head") return;
    body.length += copy.length;
    if (body.length < body.wanted) return;
    if (body.wanted === PLAIN_HEAD) {
      const head = joinBytes(body.parts);
      body.parts.splice(0, body.parts.length, head);
      if (compressionMagic(head) !== undefined) body.wanted = COMPRESSED_HEAD;
    }
    if (body.length >= body.wanted) this.#decide(body);
  }

  hole(): void {
    throw new VarveError(
      "E_FORMAT",
      `Cannot read ${this.#label}: one of its entries is a sparse file`,
    );
  }

  endEntry(): void {
    if (this.#body?.kind === "head") this.#decide(this.#body);
    const body = this.#body;
    this.#body = undefined;
    if (body?.kind === "pipe") body.pipe.end();
    else if (body?.kind === "document") {
      this.#table.add(body.name, { kind: "bytes", bytes: joinBytes(body.parts) });
    }
  }

  #decide(body: Body & { readonly kind: "head" }): void {
    const { name, entry, parts, wanted } = body;
    const head = joinBytes(parts);
    const isLayer = looksLikeLayer(head.subarray(0, wanted), entry.size);
    if (MARKS.includes(name)) this.#strange = undefined;
    if (!isLayer && !mayBePart(name, head)) this.#countStrange(name);
    if (!isLayer && entry.size <= this.#maxDocument) {
      this.#budget.take(entry.size);
      this.#body = { kind: "document", name, parts: [head] };
      return;
    }
    const pipe = new Pipe();
    pipe.push(head);
    this.#body = { kind: "pipe", pipe };
    const { layers } = this.#ingest;
    const claimed = {
      size: entry.size,
      digest: digestOfName(name),
      compression: compressionOf(head, name),
      carriedIn: this.#carriedIn,
    };
    const done = isLayer ? layers.early(name, pipe, claimed) : this.#stageBlob(name, pipe);
    const noted = this.#note(name, pipe, done);
    // `noted` rejects only if the table refuses the file, for example because its name is taken. drained() throws that
    // error at the next chunk. Until then nothing awaits `noted`.
    noted.catch((error) => this.#failure ??= { error });
    this.#running.push(noted);
  }

  /** @throws {VarveError} `E_FORMAT` when there are too many for an image */
  #countStrange(name: string): void {
    if (this.#strange === undefined || ++this.#strange <= MAX_STRANGE) return;
    throw new VarveError(
      "E_FORMAT",
      `Cannot load ${this.#label}: it is no image, as its first files are no parts of one, such as ${
        JSON.stringify(name)
      }`,
      { subject: this.#label, hint: FILES_HINT },
    );
  }

  /** Stages a large file that is not a layer. */
  async #stageBlob(name: string, bytes: AsyncIterable<Uint8Array>): Promise<FileAt> {
    const claimed = digestOfName(name);
    const { digest, size } = await this.#ingest.ingest.blobStream(bytes, "");
    if (claimed === undefined || equalDigests(claimed, digest)) {
      return { kind: "blob", digest, size };
    }
    throw new VarveError("E_DIGEST", `Cannot load ${name}: its bytes do not match its digest`, {
      expected: claimed,
      actual: digest,
      subject: name,
    });
  }

  /** Adds a file when its job is done. A failure is only recorded. It becomes an error if a document names the file. */
  async #note(name: string, pipe: Pipe, done: Promise<FileAt>): Promise<void> {
    let at: FileAt;
    try {
      at = await done;
    } catch (error) {
      at = { kind: "failed", error };
    }
    pipe.close();
    this.#table.add(name, at);
  }

  /** Resolves when more bytes can be pushed. @throws {VarveError} the error of an earlier entry */
  async drained(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#body?.kind === "pipe") await this.#body.pipe.drained();
  }

  /** The table, when all files are in it. @throws {VarveError} the first error of a file */
  async finish(): Promise<EntryTable> {
    // Also after a failure: no job may run on when the ingest ends.
    await Promise.allSettled(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#table;
  }

  async fail(error: unknown): Promise<void> {
    if (this.#body?.kind === "pipe") this.#body.pipe.fail(error);
    await Promise.allSettled(this.#running);
  }
}

/** Whether a file that is no layer can be a part of an image: a blob, JSON, or the file `VERSION` beside each layer in old archives. */
function mayBePart(name: string, head: Uint8Array): boolean {
  if (/^blobs\/|(?:^|\/)VERSION$/.test(name)) return true;
  const begin = /[^\t\n\r ]/.exec(TEXT.decode(head.subarray(0, PLAIN_HEAD)))?.[0];
  return begin === undefined || begin === "{" || begin === "[";
}

/** Enough for the first character of JSON. */
const TEXT = new TextDecoder("latin1");
