import { writeTree } from "../codec/tar/mod.ts";
import type { DiffId } from "../digest/mod.ts";
import { foldLayers } from "../layer/mod.ts";
import type { Platform } from "../oci/mod.ts";
import { EventTurns } from "../pool/internal.ts";
import type { LayerReader, Store, StoredImage } from "../store/mod.ts";
import { emptyTree, type Tree } from "../tree/mod.ts";
import { readStored } from "./new_image.ts";
import { TreeContents } from "./tree_contents.ts";

/** Options of {@linkcode exportImage}. */
export interface ExportOptions {
  /**
   * The platform to export from an index. No other platform is exported in its place. When absent, the platform recorded
   * for the name, else `host`.
   */
  readonly platform?: Platform | undefined;
  /** The platform to export from an index when none is asked for. */
  readonly host?: Platform | undefined;
  /** Aborts the stream. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes written so far. */
  readonly onProgress?: ((written: number) => void) | undefined;
}

/**
 * Exports an image's root filesystem as one flat tar: all layers applied, without whiteouts.
 *
 * The same image gives the same bytes on any machine. Each file is verified while it is read. A stream that ends
 * without an error is correct.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_DAMAGE` a layer is incomplete; in the stream: `E_DIGEST` a file
 * is damaged
 *
 * @example
 * ```ts ignore
 * const tar = await exportImage(store, "app:1");
 * await tar.pipeTo(file.writable);
 * ```
 */
export async function exportImage(
  store: Store,
  reference: string,
  options: ExportOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const tree = await rootTreeOf(store, await readStored(store, reference, options));
  return exportTree(tree, (source) => store.layers.reader(source), options);
}

/** The root tree of an image: the fold of its layer trees. */
export async function rootTreeOf(store: Store, { layers }: StoredImage): Promise<Tree> {
  if (layers.length === 0) return emptyTree("root");
  return foldLayers(await Promise.all(layers.map(({ diffId }) => store.layers.tree(diffId))));
}

/**
 * Writes a tree as a tar. The contents of files are read from the layer tars.
 *
 * @param open opens a layer's tar; called once for each layer, when the first file of that layer is read
 */
export function exportTree(
  tree: Tree,
  open: (source: DiffId) => Promise<LayerReader>,
  options: Pick<ExportOptions, "signal" | "onProgress"> = {},
): ReadableStream<Uint8Array> {
  const { signal, onProgress } = options;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    using contents = new TreeContents(open);
    const read = contents.read.bind(contents);
    const turns = new EventTurns();
    let written = 0;
    for await (const chunk of writeTree(tree, read, { signal })) {
      yield chunk;
      written += chunk.length;
      onProgress?.(written);
      await turns.take();
      signal?.throwIfAborted();
    }
  }
  return ReadableStream.from(bytes());
}
