import { writeTree } from "../codec/tar/mod.ts";
import type { DiffId } from "../digest/mod.ts";
import { EventTurns } from "../pool/internal.ts";
import type { ImageArgument, LayerReader, PlatformChoice, Store } from "../store/mod.ts";
import type { Tree } from "../tree/mod.ts";
import { imageTree } from "./image_tree.ts";
import { TreeContents } from "./tree_contents.ts";

/** Options of {@linkcode exportImage}. */
export interface ExportOptions extends PlatformChoice {
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
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_DAMAGE` a layer is incomplete; in the stream: `E_DIGEST` a
 * file is damaged
 *
 * @example
 * ```ts ignore
 * const tar = await exportImage(store, "app:1");
 * await tar.pipeTo(file.writable);
 * ```
 */
export async function exportImage(
  store: Store,
  image: ImageArgument,
  options: ExportOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const tree = await imageTree(store, image, options);
  return exportTree(tree, (source) => store.layers.reader(source), options);
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
