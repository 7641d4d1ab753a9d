import type { Digest } from "../../digest/mod.ts";
import {
  type Descriptor,
  parseDocument,
  type Reference,
  tryParseReference,
} from "../../oci/mod.ts";
import { documentLimits, type ImageRecord, type Store } from "../../store/mod.ts";

/** Maximum number of images to search. */
const MAX_IMAGES = 1000;

/**
 * Finds repositories from which blobs may be mounted. When an image in the store has a name in the
 * same registry, its blobs may be in the repository of that name.
 *
 * @param first the image that is searched before all others
 */
export async function mountSources(
  store: Store,
  { registry, repository }: Reference,
  first: ImageRecord,
): Promise<ReadonlyMap<Digest, string>> {
  const sources = new Map<Digest, string>();
  const seen = new Set<string>();
  for (const { name, target } of [first, ...store.images.list().slice(0, MAX_IMAGES)]) {
    const other = tryParseReference(name);
    if (other?.registry !== registry || other.repository === repository) continue;
    await visit(target, other.repository, 0);
  }
  return sources;

  async function visit(target: Descriptor, from: string, depth: number): Promise<void> {
    const { digest, mediaType } = target;
    const limits = documentLimits(store);
    if (seen.has(digest) || depth > limits.indexDepth) return;
    seen.add(digest);
    // Skip a document that is missing or damaged.
    const document = await store.blobs.read(digest)
      .then((bytes) => parseDocument(bytes, { mediaType, limits })).catch(() => undefined);
    if (document === undefined) return;
    if (document.kind === "index") {
      for (const child of document.manifests) await visit(child, from, depth + 1);
      return;
    }
    for (const part of [document.config, ...document.layers]) {
      if (!sources.has(part.digest)) sources.set(part.digest, from);
    }
  }
}
