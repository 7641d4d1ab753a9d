import { create } from "@bufbuild/protobuf";
import { emptyLayer, readTopLayer, sourceOf } from "../../commit/internal.ts";
import { createHasher, type DiffId, type Digest } from "../../digest/mod.ts";
import { isVarveError, VarveError } from "../../errors.ts";
import { type IngestedLayer, type JobContent, rangeChunks } from "../../image/internal.ts";
import { compressInPool, layerRules } from "../../layer_job/internal.ts";
import type { Ingest } from "../../store/mod.ts";
import type { Call, ContainerdLeases } from "../contract.ts";
import { Declined } from "../grpc/status_of.ts";
import {
  type DiffRequest,
  type DiffResponse,
  DiffResponseSchema,
} from "../proto/generated/diff_pb.ts";
import { DescriptorSchema } from "../proto/generated/types_pb.ts";
import type { GivenSnapshots, RightSnapshot } from "./given_snapshots.ts";
import type { LayerMaker } from "./make_layer.ts";
import { type DiffForm, diffForm } from "./media_types.ts";
import { namespaceOf } from "./namespace_of.ts";

/** Label of a blob in containerd's content store: the digest of its uncompressed bytes. */
const UNCOMPRESSED_LABEL = "containerd.io/uncompressed";
/** Label of a lease of containerd's: when it ends by itself. */
const EXPIRE_LABEL = "containerd.io/gc.expire";

/** Milliseconds for which a lease keeps a new blob in containerd, for a caller that has no lease of its own. */
const BLOB_LEASE_MS = 10 * 60 * 1000;

/** A blob in containerd's content store. */
interface Written {
  readonly digest: Digest;
  readonly size: number;
}

/** Writes the blob of a layer. */
type WriteBlob = (bytes: AsyncIterable<Uint8Array>, diffId: DiffId) => Promise<Written>;

/** Makes layers of what snapshots change, and writes them to containerd's content store. */
export class Differ {
  readonly #maker: LayerMaker;
  readonly #snapshots: GivenSnapshots;
  readonly #leases: ContainerdLeases;

  constructor(maker: LayerMaker, snapshots: GivenSnapshots, leases: ContainerdLeases) {
    this.#maker = maker;
    this.#snapshots = snapshots;
    this.#leases = leases;
  }

  /**
   * Writes what the snapshot `right` changes of its parent, which `left` is a view of. The layer is the one that a commit
   * makes. The store keeps it for some minutes, and knows the blob: to apply it is instant.
   *
   * @throws {Declined} the mounts are not those of a snapshot of varve and of its parent, the media type is not known, or
   * the request has a source date epoch: varve's layers keep the times of files
   */
  async diff(request: DiffRequest, call: Call): Promise<DiffResponse> {
    const form = diffForm(request.mediaType);
    if (form === undefined) {
      const shown = JSON.stringify(request.mediaType.slice(0, 120));
      throw new Declined(`Cannot make a diff: the media type ${shown} is not known`);
    }
    if (request.sourceDateEpoch !== undefined) {
      throw new Declined("Cannot make a diff: it asks for a latest time of its entries");
    }
    const right = await this.#snapshots.right(request.left, request.right);
    if (right === undefined) {
      throw new Declined(
        "Cannot make a diff: the mounts are not those of a snapshot and its parent",
      );
    }
    call.about?.(right.row.key);
    const namespace = namespaceOf(right.row);
    if (call.lease !== undefined) return await this.#make(request, right, form, call.lease, call);
    const lease = await this.#lease(namespace, call.signal);
    try {
      return await this.#make(request, right, form, lease, call);
    } catch (error) {
      await this.#endLease(lease, namespace);
      throw error;
    }
  }

  async #make(
    request: DiffRequest,
    right: RightSnapshot,
    form: DiffForm,
    lease: string,
    { signal }: Call,
  ): Promise<DiffResponse> {
    const namespace = namespaceOf(right.row);
    const write: WriteBlob = async (bytes, diffId) => {
      const hasher = createHasher("sha256");
      const written = await this.#maker.content.write(
        {
          ref: request.ref === "" ? `varve-diff-${crypto.randomUUID()}` : request.ref,
          namespace,
          labels: { ...request.labels, [UNCOMPRESSED_LABEL]: diffId },
          lease,
        },
        hashed(bytes, hasher),
        signal,
      );
      checkWritten(written.digest, hasher.digest());
      await this.#label(written.digest, namespace, diffId, signal);
      return written;
    };
    const { digest, size } = await this.#layer(right, form, write, signal);
    const { mediaType } = form;
    return create(DiffResponseSchema, {
      diff: create(DescriptorSchema, { mediaType, digest, size: BigInt(size) }),
    });
  }

  /** Ends the lease of a blob that was not made. Without containerd it ends by itself. */
  async #endLease(lease: string, namespace: string): Promise<void> {
    try {
      await this.#leases.delete(lease, namespace);
    } catch (error) {
      if (!isVarveError(error)) throw error;
    }
  }

  /** Labels a blob that containerd had before, from elsewhere: clients look for the diffID there. */
  async #label(
    digest: Digest,
    namespace: string,
    diffId: DiffId,
    signal: AbortSignal,
  ): Promise<void> {
    const { content } = this.#maker;
    const { labels } = await content.info(digest, namespace, signal);
    if (labels[UNCOMPRESSED_LABEL] === diffId) return;
    await content.label(digest, namespace, { [UNCOMPRESSED_LABEL]: diffId }, signal);
  }

  async #lease(namespace: string, signal: AbortSignal): Promise<string> {
    const expires = new Date(Date.now() + BLOB_LEASE_MS).toISOString();
    return await this.#leases.create(namespace, { [EXPIRE_LABEL]: expires }, signal);
  }

  async #layer(
    right: RightSnapshot,
    form: DiffForm,
    write: WriteBlob,
    signal: AbortSignal,
  ): Promise<Written> {
    const { store, pool, rules, holds } = this.#maker;
    const source = sourceOf(store, right.content, this.#snapshots.rows);
    if (source.row.diffId !== null) {
      const { diffId } = source.row;
      const tar = await store.layers.open(diffId, { signal });
      const written = await write(this.#compressed(tar, form, signal), diffId);
      this.#maker.written.add(written.digest, diffId);
      return written;
    }
    await using ingest = await store.ingest();
    let made: { readonly written: Written; readonly diffId: DiffId } | undefined;
    const { policy, limits } = rules;
    await readTopLayer({ store, pool, key: right.content, signal, policy, limits }, source, {
      create: async (_, content) => {
        if (content.kind !== "job") throw new Error("a snapshot is read by a job");
        const layer = await this.#stage(ingest, content, form, write, signal);
        made = { written: layer, diffId: layer.diffId };
        return layer;
      },
    });
    if (made === undefined) throw new Error("a snapshot was read without a layer");
    // A caller that applies it soon finds it.
    holds.begin(made.diffId);
    try {
      await ingest.commit();
    } catch (error) {
      holds.end(made.diffId);
      throw error;
    }
    return made.written;
  }

  /** Makes the layer, writes its blob to containerd, and stages it as the layer of that blob. */
  async #stage(
    ingest: Ingest,
    content: JobContent,
    form: DiffForm,
    write: WriteBlob,
    signal: AbortSignal,
  ): Promise<IngestedLayer> {
    const { pool, rules } = this.#maker;
    const staged = await ingest.newLayer();
    try {
      const { target } = staged;
      if (target.kind !== "files") throw new Error("a disk store staged a layer without files");
      const input = {
        source: { kind: "stream" } as const,
        target: { ...target, blob: null },
        expected: {},
        ...layerRules(rules),
      };
      const output = await content.run({ input, kept: 0, signal, onProgress: () => {} }) ??
        await emptyLayer(pool, input.target, signal);
      const { diffId, uncompressedSize, warnings } = output;
      const tar = rangeChunks(target.tar, 0, uncompressedSize);
      const { digest, size } = await write(this.#compressed(tar, form, signal), diffId);
      await staged.finish(
        { ...output, digest, size, compression: form.compression },
        form.mediaType,
      );
      const { mediaType } = form;
      return { digest, size, mediaType, diffId, uncompressedSize, processed: true, warnings };
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  #compressed(
    tar: AsyncIterable<Uint8Array>,
    { compression }: DiffForm,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    if (compression === "none") return tar;
    return compressInPool(this.#maker.pool, tar, { format: compression, signal });
  }
}

/** Passes bytes on and hashes them. */
async function* hashed(
  bytes: AsyncIterable<Uint8Array>,
  hasher: ReturnType<typeof createHasher>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of bytes) {
    hasher.update(chunk);
    yield chunk;
  }
}

/** What varve knows as the layer's blob must be what it sent. */
function checkWritten(actual: Digest, expected: Digest): void {
  if (actual === expected) return;
  throw new VarveError("E_DIGEST", "Cannot make a diff: containerd stored other bytes", {
    expected,
    actual,
  });
}
