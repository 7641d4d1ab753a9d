import { create } from "@bufbuild/protobuf";
import { type Digest, parseDigest } from "../../digest/mod.ts";
import { syncInPool } from "../../directory/internal.ts";
import { isVarveError, VarveError } from "../../errors.ts";
import { MEDIA_TYPES } from "../../oci/mod.ts";
import type { SnapshotRow } from "../../store/mod.ts";
import type { Call } from "../contract.ts";
import { Declined } from "../grpc/status_of.ts";
import {
  type ApplyRequest,
  type ApplyResponse,
  ApplyResponseSchema,
} from "../proto/generated/diff_pb.ts";
import { DescriptorSchema } from "../proto/generated/types_pb.ts";
import { type ContentBlob, findBlob } from "./blob_bytes.ts";
import type { GivenSnapshots } from "./given_snapshots.ts";
import { knownLayer, type LayerMaker, type MadeLayer, makeLayer } from "./make_layer.ts";
import { Makings } from "./makings.ts";
import { checkStated, isLayerMediaType } from "./media_types.ts";
import { namespaceOf } from "./namespace_of.ts";
import { Siblings } from "./siblings.ts";

/** Label of an extract snapshot that gets its parent only when it is committed: containerd unpacks layers in parallel. */
const PARENT_CHAIN_LABEL = "containerd.io/snapshot/parent-chain-id";

/** Times that a layer is made again because gc removed it before the snapshot had it. */
const TRIES = 3;

/** Puts layers into snapshots: nothing is extracted, the snapshot only learns which layer it is. */
export class Applier implements AsyncDisposable {
  readonly #maker: LayerMaker;
  readonly #snapshots: GivenSnapshots;
  readonly #makings = new Makings<MadeLayer>();
  readonly #siblings: Siblings;

  constructor(maker: LayerMaker, snapshots: GivenSnapshots) {
    this.#maker = maker;
    this.#snapshots = snapshots;
    this.#siblings = new Siblings({
      content: maker.content,
      atOnce: maker.pool.size,
      make: (blob, signal) => this.#layer(blob, undefined, signal),
    });
  }

  /**
   * Applies a layer to the snapshot that the mounts name.
   *
   * @throws {Declined} the mounts are not those of an active snapshot of varve, or the media type is not known. The
   * snapshot is then ready for another applier
   * @throws {VarveError} the layer is refused, so that nobody else may extract it
   */
  async apply(request: ApplyRequest, { signal, about }: Call): Promise<ApplyResponse> {
    const { diff, mounts, syncFs } = request;
    if (diff === undefined) throw new VarveError("E_USAGE", "Cannot apply a layer: none is named");
    const row = await this.#snapshots.active(mounts);
    if (row === undefined) {
      throw new Declined("Cannot apply a layer: the mounts are not those of an active snapshot");
    }
    about?.(row.key);
    const reason = await this.#whyNot(request, row);
    if (reason !== undefined) await this.#decline(row, reason, signal);
    const { store, pool, content } = this.#maker;
    const digest = digestOf(diff.digest);
    const blob = await findBlob(content, digest, Number(diff.size), namespaceOf(row), signal);
    const layer = await this.#putInto(row, blob, diff.mediaType, signal);
    if (syncFs && store.durability !== "full") await syncInPool(pool, store.root);
    return create(ApplyResponseSchema, {
      applied: create(DescriptorSchema, {
        mediaType: MEDIA_TYPES.layer,
        digest: layer.diffId,
        size: BigInt(layer.size),
      }),
    });
  }

  /** Number of layers that are being made. */
  get making(): number {
    return this.#makings.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#siblings.close();
    await this.#makings.idle();
  }

  /** Why another applier has to do it; `undefined` when varve does it. */
  async #whyNot(
    { diff }: ApplyRequest,
    row: SnapshotRow,
  ): Promise<string | undefined> {
    // The request's payloads are for processors of other media types. Kubernetes sends one with each layer, encrypted or
    // not: it says where the keys are.
    const mediaType = diff?.mediaType ?? "";
    if (!isLayerMediaType(mediaType)) {
      return `its media type ${JSON.stringify(mediaType.slice(0, 120))} is not known`;
    }
    if (row.diffId === null && await this.#snapshots.hasFiles(row)) {
      return "its snapshot has files already";
    }
    return undefined;
  }

  /** Leaves a snapshot to another applier, which then needs to see its parents. @throws {Declined} always */
  async #decline(row: SnapshotRow, reason: string, signal: AbortSignal): Promise<never> {
    if (row.parent === null && Object.hasOwn(row.labels, PARENT_CHAIN_LABEL)) {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot apply a layer: ${reason}, and the snapshot does not have its parent yet`,
        { subject: row.key, hint: "let containerd unpack one layer at a time" },
      );
    }
    await this.#snapshots.materialize(row, signal);
    throw new Declined(`Cannot apply a layer: ${reason}`);
  }

  async #putInto(
    row: SnapshotRow,
    blob: ContentBlob,
    mediaType: string,
    signal: AbortSignal,
  ): Promise<MadeLayer> {
    for (let left = TRIES;; left--) {
      const layer = await this.#asked(blob, mediaType, signal);
      try {
        checkStated(mediaType, blob.digest, layer.diffId);
        await this.#snapshots.applied(row, layer.diffId);
        this.#maker.holds.end(layer.diffId);
        return layer;
      } catch (error) {
        const isGone = isVarveError(error, "E_NOT_FOUND") && error.details.subject === layer.diffId;
        if (!isGone || left <= 1) throw error;
      }
    }
  }

  /** The layer that containerd asks for. While it is made, its siblings are begun. */
  async #asked(blob: ContentBlob, mediaType: string, signal: AbortSignal): Promise<MadeLayer> {
    const known = knownLayer(this.#maker, blob.digest);
    if (known !== undefined) return known;
    const layer = this.#layer(blob, mediaType, signal);
    this.#siblings.begin(blob.digest, blob.namespace);
    try {
      return await layer;
    } catch (error) {
      if (signal.aborted) this.#siblings.abandon(blob.digest);
      throw error;
    }
  }

  async #layer(
    blob: ContentBlob,
    mediaType: string | undefined,
    signal: AbortSignal,
  ): Promise<MadeLayer> {
    return knownLayer(this.#maker, blob.digest) ??
      await this.#makings.get(
        blob.digest,
        signal,
        (signal) => makeLayer(this.#maker, blob, mediaType, signal),
      );
  }
}

function digestOf(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (error) {
    if (!isVarveError(error)) throw error;
    throw new VarveError("E_USAGE", `Cannot apply a layer: ${error.message}`, {}, { cause: error });
  }
}
