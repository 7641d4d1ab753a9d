import { type DiffId, type Digest, Verifier } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { openTree, type Tree } from "../../tree/mod.ts";
import type { Blobs, LayerReader, Layers } from "../contract.ts";
import type { BlobRecord, LayerRecord } from "../records.ts";
import { MAX_DOCUMENT, notFound, tooLarge } from "../rules.ts";
import { checkRun, checkRunOf, type OpenBlobOptions, pastEnd } from "../runs.ts";
import { abortable, verified } from "../streams.ts";
import type { PieceList } from "./piece_list.ts";
import { type MemoryBlob, type MemoryLayer, type MemoryState, sortedBy } from "./state.ts";

/** The blobs of a memory store. */
export class MemoryBlobs implements Blobs {
  readonly #state: MemoryState;

  /** Reads the store's state. */
  constructor(state: MemoryState) {
    this.#state = state;
  }

  stat(digest: Digest): BlobRecord | undefined {
    return this.#state.blobs.get(digest)?.record;
  }

  read(digest: Digest, maxBytes: number = MAX_DOCUMENT): Promise<Uint8Array> {
    return Promise.try(() => {
      const { record, bytes } = this.#get(digest);
      if (record.size > maxBytes) throw tooLarge(digest, record.size, maxBytes);
      const verifier = new Verifier(record);
      const copy = bytes.copy();
      verifier.update(copy);
      verifier.finish();
      return copy;
    });
  }

  open(
    digest: Digest,
    options: OpenBlobOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return Promise.try(() => {
      options.signal?.throwIfAborted();
      const { record, bytes } = this.#get(digest);
      const { run } = options;
      if (run !== undefined) {
        checkRunOf(record.size, run);
        return abortable(streamOf(bytes, run.start, run.end), options.signal);
      }
      return verified(streamOf(bytes), record, options);
    });
  }

  list(): BlobRecord[] {
    return sortedBy([...this.#state.blobs.values()].map((b) => b.record), (b) => b.digest);
  }

  #get(digest: Digest): MemoryBlob {
    const blob = this.#state.blobs.get(digest);
    if (blob === undefined) throw notFound("blob", digest);
    return blob;
  }
}

/** The layers of a memory store. */
export class MemoryLayers implements Layers {
  readonly #state: MemoryState;

  /** Reads the store's state. */
  constructor(state: MemoryState) {
    this.#state = state;
  }

  get(diffId: DiffId): LayerRecord | undefined {
    return this.#state.layer(diffId)?.record;
  }

  byBlob(digest: Digest): LayerRecord | undefined {
    return this.#state.byBlob(digest);
  }

  blobsOf(diffId: DiffId): Digest[] {
    const proved = [...this.#state.proved].filter(([, id]) => id === diffId);
    return proved.map(([digest]) => digest).sort();
  }

  tree(diffId: DiffId): Promise<Tree> {
    return Promise.try(() => {
      const { tree, record } = this.#get(diffId);
      const opened = openTree({
        size: tree.length,
        readSync: (offset, length) => {
          checkEnd(offset, length, tree.length);
          return tree.subarray(offset, offset + length);
        },
      });
      if (opened.digest !== record.treeDigest) {
        throw new VarveError(
          "E_DAMAGE",
          `Cannot read layer ${diffId}: its tree is ${opened.digest}, not ${record.treeDigest}`,
        );
      }
      return opened;
    });
  }

  open(
    diffId: DiffId,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return Promise.try(() => {
      options.signal?.throwIfAborted();
      const { tar, record } = this.#get(diffId);
      return verified(
        streamOf(tar),
        { digest: record.diffId, size: tar.size, what: "layer" },
        options,
      );
    });
  }

  reader(diffId: DiffId): Promise<LayerReader> {
    return Promise.try(() => {
      const { tar } = this.#get(diffId);
      return {
        size: tar.size,
        read: (position: number, length: number) => {
          checkEnd(position, length, tar.size);
          return tar.copy(position, position + length);
        },
        [Symbol.dispose]() {},
      };
    });
  }

  list(): LayerRecord[] {
    return sortedBy([...this.#state.layers.values()].map((l) => l.record), (l) => l.diffId);
  }

  #get(diffId: DiffId): MemoryLayer {
    const layer = this.#state.layer(diffId);
    if (layer === undefined) throw notFound("layer", diffId);
    return layer;
  }
}

/** Maximum bytes of one chunk of a stream over memory. */
const PIECE = 256 * 1024;

/** Bytes in memory, from `start` to `end`, as a stream. */
function streamOf(
  bytes: PieceList,
  start?: number,
  end?: number,
): ReadableStream<Uint8Array> {
  return ReadableStream.from(bytes.views(start, end, PIECE));
}

/** Refuses a range of bytes that does not lie within `size` bytes. */
function checkEnd(position: number, length: number, size: number): void {
  checkRun(position, length);
  if (position + length > size) throw pastEnd(position + length, size);
}
