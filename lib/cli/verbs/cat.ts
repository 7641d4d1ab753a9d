import { TarStream } from "@std/tar";
import { treeToTarStreamInputs } from "../../codec/tar/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { LayerReader, Store } from "../../store/mod.ts";
import type { FileNode } from "../../tree/mod.ts";
import type { Context } from "../context.ts";
import { STREAMED, type Verb } from "../verb.ts";
import { openPath, type Target } from "./tree.ts";

/** Bytes read at once. */
const CHUNK = 256 * 1024;

/** `varve cat`. */
export const cat: Verb = {
  usage: "cat <ref:/path>",
  summary: "write a file of an image to standard output, or a directory as a plain tar",
  help:
    `Nothing is mounted: the bytes come from the layer's tar. A directory is written as an ustar archive of
its files and directories; what ustar cannot say (other types, long names, xattrs, times before 1970) is counted in a warning.

Examples:
  varve cat debian:/etc/os-release
  varve cat debian:/etc | tar t`,
  async run(context, [argument = ""]) {
    const store = await context.store();
    const target = await openPath(context, argument, true);
    using contents = new Contents(store);
    switch (target.node.type) {
      case "file":
        for await (const chunk of contents.bytes(target.node)) await context.io.stdout(chunk);
        return STREAMED;
      case "directory":
        await writeTar(context, contents, target);
        return STREAMED;
    }
    throw new VarveError(
      "E_USAGE",
      `Cannot print ${argument}: it is a ${target.node.type}, and only files and directories have bytes`,
    );
  },
};

async function writeTar(context: Context, contents: Contents, target: Target): Promise<void> {
  if (context.io.isTerminal("stdout")) {
    throw new VarveError("E_USAGE", "Cannot write a tar to a terminal: use a pipe");
  }
  const losses = new Map<string, number>();
  const inputs = treeToTarStreamInputs(target.tree, (_, node) => contents.bytes(node), {
    under: target.path,
    onLoss: ({ what }) => losses.set(what, (losses.get(what) ?? 0) + 1),
  });
  for await (const chunk of inputs.pipeThrough(new TarStream())) await context.io.stdout(chunk);
  for (const [what, count] of losses) context.warn(`ustar cannot say ${count}× ${what}`);
}

/** The contents of files, read from the layer tars. */
class Contents implements Disposable {
  readonly #store: Store;
  readonly #readers = new Map<DiffId, LayerReader>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The bytes of a file, holes as zeros. */
  async *bytes(node: FileNode): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let at = 0;
    const { locator } = node;
    for (const extent of locator?.extents ?? []) {
      yield* zeros(extent.logical - at);
      const reader = await this.#reader((locator as NonNullable<typeof locator>).source);
      for (let done = 0; done < extent.length; done += CHUNK) {
        const length = Math.min(CHUNK, extent.length - done);
        yield reader.read(extent.position + done, length) as Uint8Array<ArrayBuffer>;
      }
      at = extent.logical + extent.length;
    }
    yield* zeros(node.size - at);
  }

  async #reader(source: DiffId): Promise<LayerReader> {
    let reader = this.#readers.get(source);
    if (reader === undefined) {
      reader = await this.#store.layers.reader(source);
      this.#readers.set(source, reader);
    }
    return reader;
  }

  [Symbol.dispose](): void {
    for (const reader of this.#readers.values()) reader[Symbol.dispose]();
  }
}

function* zeros(length: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let left = length; left > 0; left -= CHUNK) yield new Uint8Array(Math.min(CHUNK, left));
}
