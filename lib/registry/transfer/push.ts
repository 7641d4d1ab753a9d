import type { Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { planImage } from "../../image/internal.ts";
import {
  type Descriptor,
  type ImageDocument,
  parseDocument,
  type Reference,
} from "../../oci/mod.ts";
import { documentLimits, type ImageRecord, type Store } from "../../store/mod.ts";
import type { RegistryClient } from "../client/registry_client.ts";
import { mountSources } from "./mount_sources.ts";
import { type PushedImage, type PushOptions, sendImage } from "./send_image.ts";
import { skipBytes } from "./skip_bytes.ts";

/**
 * Pushes an image as it is in the store: manifests byte for byte, blobs that the registry has not,
 * and last the manifest or index under its tag. A blob that another repository of the registry holds
 * is mounted from there, where the registry does that.
 *
 * @throws {VarveError} `E_PRECONDITION` when a part of the image is not in the store, `E_REGISTRY`, `E_DENIED`
 */
export async function pushImage(
  store: Store,
  client: RegistryClient,
  image: ImageRecord,
  destination: Reference,
  options: PushOptions = {},
): Promise<PushedImage> {
  const { target } = image;
  const read = (descriptor: Descriptor) => readDocument(store, descriptor);
  const plan = await planImage({ digest: target.digest, document: await read(target) }, {
    limits: documentLimits(store),
    read,
    check: (part) => {
      if (store.blobs.stat(part.digest) === undefined) throw absent(part, "no longer here");
    },
    warn: options.onWarning ?? (() => {}),
  });
  const mounts = await mountSources(store, destination, image);
  const upload = ({ digest }: Descriptor, signal: AbortSignal) => {
    const from = mounts.get(digest);
    return {
      open: (at: number) => openFrom(store, digest, at, signal),
      mountFrom: from === undefined ? [] : [from],
    };
  };
  return await sendImage(plan, { upload }, client, destination, options);
}

async function readDocument(store: Store, target: Descriptor): Promise<ImageDocument> {
  const bytes = await store.blobs.read(target.digest).catch((error) => {
    if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
    throw absent(target, "of a platform that was not brought here", "push one with --platform");
  });
  return parseDocument(bytes, { mediaType: target.mediaType, limits: documentLimits(store) });
}

/** What was sent is read again, and proved again: the digest is of the whole. */
async function openFrom(
  store: Store,
  digest: Digest,
  from: number,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const stream = await store.blobs.open(digest, { signal });
  return from === 0 ? stream : stream.pipeThrough(skipBytes(from));
}

function absent({ digest }: Descriptor, state: string, hint?: string): VarveError {
  return new VarveError("E_PRECONDITION", `Cannot push the image: its part ${digest} is ${state}`, {
    subject: digest,
    hint,
  });
}
