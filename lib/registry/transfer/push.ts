import { VarveError } from "../../errors.ts";
import { compressImage, type CompressImageOptions } from "../../image/mod.ts";
import { planStored, storedBlobs } from "../../image/internal.ts";
import {
  type Descriptor,
  formatReference,
  type Platform,
  type Reference,
  tryParseReference,
} from "../../oci/mod.ts";
import {
  findImage,
  type Holding,
  type ImageArgument,
  type ImageRecord,
  narrowImage,
  type Store,
} from "../../store/mod.ts";
import { type ClientChoice, withClient } from "./client_for.ts";
import { mountSources } from "./mount_sources.ts";
import { remoteReference } from "./remote_reference.ts";
import { type PushedImage, registrySink, type TransferOptions } from "./registry_sink.ts";

/** Options of {@linkcode pushImage}. */
export interface PushOptions
  extends TransferOptions, ClientChoice, Pick<CompressImageOptions, "pool" | "level"> {
  /**
   * Push only this platform of an index. When absent, the platform that the store records with the name
   * is pushed, else the whole index.
   */
  readonly platform?: Platform | undefined;
  /**
   * Compresses the layers that are not compressed yet, such as those of a commit. The manifest then has a
   * new digest. When absent, or `"none"`, layers are pushed as they are.
   */
  readonly compression?: CompressImageOptions["format"] | "none" | undefined;
  /** Called often, with the layer that is being compressed and the number of its uncompressed bytes read so far. */
  readonly onCompress?: CompressImageOptions["onProgress"] | undefined;
}

/**
 * Pushes an image: first the blobs that the registry does not have, then the manifests byte for
 * byte, and last the manifest or index under its tag. A blob that another repository of the registry has is mounted
 * from there, if the registry allows it. Without `client` the push is anonymous.
 *
 * @throws {VarveError} as `findImage` · `E_USAGE` the destination is malformed, or has another digest · `E_PRECONDITION`
 * when a part of the image is not in the store · `E_REGISTRY`, `E_DENIED`
 *
 * @example
 * ```ts ignore
 * const pushed = await pushImage(store, "app:1", "localhost:5000/app:1", { compression: "zstd" });
 * console.log(pushed.digest);
 * ```
 */
export async function pushImage(
  store: Store,
  image: ImageArgument,
  destination: string | Reference,
  options: PushOptions = {},
): Promise<PushedImage> {
  options.signal?.throwIfAborted();
  const found = await findImage(store, image);
  const to = typeof destination === "string"
    ? remoteReference(destination, "push to", tryParseReference(found.name))
    : destination;
  // No name keeps what is compressed for the push. Until the end, this does.
  await using holding = (options.compression ?? "none") === "none" ? null : await store.ingest();
  const record = await prepared(store, found, { ...options, holding: holding ?? undefined });
  if (to.digest !== undefined && to.digest !== record.target.digest) {
    throw new VarveError(
      "E_USAGE",
      `Cannot push ${record.name} as ${
        formatReference(to)
      }: the digest in the name is not that of the image`,
      { expected: to.digest, actual: record.target.digest },
    );
  }
  const plan = await planStored(store, record, {
    absent,
    distributable: { warn: (message) => options.onWarning?.(message) },
  });
  const mounts = await mountSources(store, to, record);
  return await withClient(options, to, async (client) => {
    const sink = registrySink({
      ...options,
      client,
      destination: to,
      mountFrom: ({ digest }) => {
        const from = mounts.get(digest);
        return from === undefined ? [] : [from];
      },
    });
    return await sink.send(plan, storedBlobs(store));
  });
}

/** The image that is pushed: of one platform and compressed, if the options ask for that. */
async function prepared(
  store: Store,
  found: ImageRecord,
  { platform, compression = "none", level, pool, signal, onCompress, holding }: PushOptions & {
    readonly holding: Holding | undefined;
  },
): Promise<ImageRecord> {
  const record = await narrowImage(store, found, platform);
  if (compression === "none") return record;
  const format = compression;
  return await compressImage(store, record, {
    pool,
    format,
    level,
    signal,
    onProgress: onCompress,
    holding,
  });
}

function absent({ digest }: Descriptor, role: "document" | "blob"): VarveError {
  const isPlatform = role === "document";
  const state = isPlatform ? "of a platform that is not in the store" : "no longer in the store";
  return new VarveError("E_PRECONDITION", `Cannot push the image: its part ${digest} is ${state}`, {
    subject: digest,
    hint: isPlatform ? "push only a platform that the store has" : undefined,
  });
}
