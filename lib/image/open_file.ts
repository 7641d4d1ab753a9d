import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import type { ImageArgument, PlatformChoice, Store } from "../store/mod.ts";
import type { FileNode, Resolved } from "../tree/mod.ts";
import { imageView } from "./image_view.ts";
import { TreeContents } from "./tree_contents.ts";

/** Options of {@linkcode openFile}. */
export interface OpenFileOptions extends PlatformChoice {
  /** Aborts the stream. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a file of an image. Symbolic links are followed inside the image. The bytes are verified while
 * they are read: a stream that ends without an error is correct.
 *
 * @throws {VarveError} as {@linkcode imageTree} · `E_NOT_FOUND` no such file · `E_USAGE` it is not a file · `E_LOOP`
 * too many symbolic links · `E_NOT_DIR` a part of the path is not a directory; in the stream: `E_DIGEST` the file is
 * damaged
 *
 * @example
 * ```ts ignore
 * const bytes = await openFile(store, "debian:12", "/etc/os-release");
 * console.log(await new Response(bytes).text());
 * ```
 */
export async function openFile(
  store: Store,
  image: ImageArgument,
  path: string,
  options: OpenFileOptions = {},
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { signal } = options;
  signal?.throwIfAborted();
  const view = await imageView(store, image, options);
  const found = view.resolve(fromText(path));
  if (found === undefined) {
    throw new VarveError("E_NOT_FOUND", `Cannot open ${path}: the image has no such file`, {
      subject: path,
    });
  }
  const { node } = found;
  if (node.type !== "file") {
    throw new VarveError("E_USAGE", `Cannot open ${path}: it is a ${node.type}, not a file`, {
      subject: path,
    });
  }
  return ReadableStream.from(bytesOf(store, found, node, signal));
}

async function* bytesOf(
  store: Store,
  { path }: Resolved,
  node: FileNode,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using contents = new TreeContents((source) => store.layers.reader(source));
  for await (const chunk of contents.read(path, node)) {
    signal?.throwIfAborted();
    // Copy the bytes of the store, because the reader of the stream may change or transfer the chunks that it gets.
    yield new Uint8Array(chunk);
  }
}
