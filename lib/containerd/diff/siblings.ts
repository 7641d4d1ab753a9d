/**
 * The other layers of an image. containerd asks for one layer after the other. While the first one is made, its siblings
 * are begun too, so that they are ready when containerd asks for them.
 *
 * The manifest that names a layer has labels in containerd's content store before the image is unpacked: they say which
 * blobs it keeps (see `ChildGCLabels` of containerd's `images` package).
 */
import { type Digest, isDigest } from "../../digest/mod.ts";
import type { ContentInfo, ContentStore } from "../contract.ts";
import type { ContentBlob } from "./blob_bytes.ts";

/** Label of a manifest that names its layer with this number. */
const LAYER_LABEL = "containerd.io/gc.ref.content.l.";

/** Most layers of an image that are looked for. */
const MAX_LAYERS = 128;

/** The siblings of one manifest that are being made. */
interface Family {
  readonly layers: ReadonlySet<Digest>;
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

/** Options of {@linkcode Siblings}. */
export interface SiblingsOptions {
  readonly content: ContentStore;
  /** Number of siblings of one image that are made at once. */
  readonly atOnce: number;
  /** Makes a layer, unless it is there already. Its errors are ignored: they come again when containerd asks. */
  readonly make: (blob: ContentBlob, signal: AbortSignal) => Promise<unknown>;
}

/** Begins the siblings of layers. */
export class Siblings {
  readonly #options: SiblingsOptions;
  /** By digest of the manifest. */
  readonly #families = new Map<Digest, Family>();
  readonly #searches = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: SiblingsOptions) {
    this.#options = options;
  }

  /**
   * Begins the siblings of a layer. Returns at once and never throws: the layer itself does not depend on its siblings.
   */
  begin(digest: Digest, namespace: string): void {
    if (this.#closing.signal.aborted || this.#isKnown(digest)) return;
    const search = this.#search(digest, namespace)
      // Without the list there are just no siblings.
      .catch(() => {})
      .finally(() => this.#searches.delete(search));
    this.#searches.add(search);
  }

  /** Ends the making of all siblings of a layer: nobody waits for the image any more. */
  abandon(digest: Digest): void {
    for (const { layers, controller } of this.#families.values()) {
      if (layers.has(digest)) controller.abort();
    }
  }

  /** Ends everything and waits for it. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const { controller } of this.#families.values()) controller.abort();
    await Promise.all(this.#searches);
    await Promise.all([...this.#families.values()].map(({ ended }) => ended));
  }

  #isKnown(digest: Digest): boolean {
    return [...this.#families.values()].some(({ layers }) => layers.has(digest));
  }

  async #search(digest: Digest, namespace: string): Promise<void> {
    const { signal } = this.#closing;
    let newest: ContentInfo | undefined;
    const filters = manifestFilters(digest);
    for await (const manifest of this.#options.content.list(filters, namespace, signal)) {
      // A base layer can be in many manifests. The one that came last is being unpacked.
      if (newest === undefined || createdAt(manifest) >= createdAt(newest)) newest = manifest;
    }
    if (newest === undefined || signal.aborted || this.#families.has(newest.digest)) return;
    const layers = layersOf(newest.labels);
    const controller = new AbortController();
    const ended = this.#make(layers, digest, namespace, controller.signal)
      .finally(() => this.#families.delete(manifest));
    const manifest = newest.digest;
    this.#families.set(manifest, { layers: new Set(layers), controller, ended });
  }

  async #make(
    layers: readonly Digest[],
    asked: Digest,
    namespace: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { content, make, atOnce } = this.#options;
    // containerd asks from the lowest to the topmost: those above are next.
    const above = layers.slice(layers.indexOf(asked) + 1);
    const waiting = new Set(above).values();
    const lane = async () => {
      for (const digest of waiting) {
        if (signal.aborted) return;
        try {
          const { size } = await content.info(digest, namespace, signal);
          await make({ digest, size, namespace }, signal);
        } catch {
          // Its blob is not here yet, or it cannot be made. containerd learns that when it asks for it.
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  }
}

/** Filters for containerd's content store that select the manifests with a layer. */
export function manifestFilters(digest: Digest): string[] {
  return Array.from(
    { length: MAX_LAYERS },
    (_, i) => `labels.${JSON.stringify(`${LAYER_LABEL}${i}`)}==${JSON.stringify(digest)}`,
  );
}

/** The layers that a manifest's labels name, lowest first. */
export function layersOf(labels: Readonly<Record<string, string>>): Digest[] {
  const layers: Digest[] = [];
  for (let i = 0; i < MAX_LAYERS; i++) {
    const digest = labels[`${LAYER_LABEL}${i}`];
    if (isDigest(digest)) layers.push(digest);
  }
  return layers;
}

function createdAt({ createdAt }: ContentInfo): number {
  return createdAt ?? 0;
}
