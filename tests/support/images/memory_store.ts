/** Stores with images, for tests of append, rebase, squash, export and import. */
import { loadImages } from "../../../lib/archive/mod.ts";
import type { NewImageOptions } from "../../../lib/image/mod.ts";
import { foldLayers } from "../../../lib/layer/mod.ts";
import { createPool, type Pool } from "../../../lib/pool/mod.ts";
import {
  documentLimits,
  findImage,
  openMemoryStore,
  readImage,
  type Store,
  type StoredImage,
} from "../../../lib/store/mod.ts";
import { emptyTree, type Tree } from "../../../lib/tree/mod.ts";
import { archiveTar, type BuiltImage, ociFiles } from "./images.ts";

/** A store in memory, whose jobs run inline. */
export interface ReworkFixture extends AsyncDisposable {
  readonly store: Store;
  readonly pool: Pool;
  /** Loads images, under the store's limits. */
  load(...images: readonly BuiltImage[]): Promise<void>;
  /** Reads an image. */
  read(name: string): Promise<StoredImage>;
  /** Its root tree. */
  tree(name: string): Promise<Tree>;
  /** The bytes of a layer's tar. */
  tar(name: string, layer: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Options for a new image of this name. */
  as(name: string): NewImageOptions;
}

/** The clock of these tests, in ms: 2020-09-13T12:26:40Z. */
export const NOW = 1_600_000_000_000;
/** {@linkcode NOW} as documents write it. */
export const NOW_TEXT = "2020-09-13T12:26:40Z";

/** Opens an empty store. */
export function reworkFixture(): ReworkFixture {
  const stack = new AsyncDisposableStack();
  const store = stack.use(openMemoryStore());
  const pool = stack.use(createPool({ inline: true }));
  const read = async (name: string) => await readImage(store, await findImage(store, name));
  return {
    store,
    pool,
    read,
    async load(...images) {
      const archive = streamOf(archiveTar(ociFiles(images)));
      await loadImages(store, archive, { pool, ociLimits: documentLimits(store) });
    },
    async tree(name) {
      const { layers } = await read(name);
      const trees = await Promise.all(layers.map(({ diffId }) => store.layers.tree(diffId)));
      return trees.length === 0 ? emptyTree("root") : foldLayers(trees);
    },
    async tar(name, layer) {
      const { layers } = await read(name);
      const diffId = layers[layer]?.diffId;
      if (diffId === undefined) throw new RangeError(`there is no layer ${layer}`);
      return await bytesOf(await store.layers.open(diffId));
    },
    as: (name) => ({ name, pool, now: NOW }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Bytes as a stream. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return ReadableStream.from([bytes]);
}

/** All bytes of a stream. */
export async function bytesOf(
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of stream) chunks.push(new Uint8Array(chunk));
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
