import { encodeTree } from "../tree/mod.ts";
import { type ByteSink, FileSink, MemorySink } from "./byte_sink.ts";
import type { Job, JobContext } from "./contract.ts";
import type { LayerJobInput, LayerJobOutput } from "./layer_contract.ts";
import { LayerPipeline } from "./layer_pipeline.ts";
import { readSource } from "./layer_source.ts";

/**
 * Proves a layer and makes its tar and its tree, in one pass and in bounded memory.
 *
 * Fails with the code of the outermost thing that is wrong: `E_TRUNCATED` (the source),
 * `E_SIZE`, `E_DIGEST`, `E_COMPRESSION`, `E_MEDIA_TYPE`, `E_TRAILING`, `E_FORMAT`, `E_DIFFID`, the
 * codes of the archive's reader and of the layer's rules, `E_LIMIT`, `E_SYSCALL`.
 *
 * @example
 * ```ts ignore
 * const { diffId, memory } = await pool.run(layerJob, {
 *   source: { kind: "file", path: "layer.tar.gz", offset: 0, length: size },
 *   target: { kind: "memory" },
 *   expected: { digest, size },
 * });
 * ```
 */
export const layerJob: Job<LayerJobInput, LayerJobOutput> = {
  name: "layer",
  entry: "layer",
  run: makeLayer,
};

async function makeLayer(input: LayerJobInput, context: JobContext): Promise<LayerJobOutput> {
  const { signal } = context;
  signal.throwIfAborted();
  using outputs = new Outputs(input);
  using pipeline = new LayerPipeline(input, {
    tar: (bytes) => outputs.tar.write(bytes),
    blob: outputs.keepsBlob ? (bytes) => outputs.blob.write(bytes) : null,
  });
  for await (const chunk of readSource(input.source, context)) {
    signal.throwIfAborted();
    pipeline.push(chunk);
    context.progress({ read: pipeline.read, written: pipeline.written });
  }
  const { output, tree } = pipeline.finish();
  for (const bytes of encodeTree(tree)) outputs.tree.write(bytes);
  return outputs.end(output);
}

/** The target's sinks; each is made when its first bytes come, the tar always. */
class Outputs implements Disposable {
  readonly #target: LayerJobInput["target"];
  readonly tar: ByteSink;
  #tree: ByteSink | null = null;
  #blob: ByteSink | null = null;

  constructor({ target }: LayerJobInput) {
    this.#target = target;
    this.tar = this.#make("tar", "uncompressed layer");
  }

  /** Whether the bytes as they came are wanted. */
  get keepsBlob(): boolean {
    return this.#target.kind === "memory" || this.#target.blob !== null;
  }

  get tree(): ByteSink {
    return this.#tree ??= this.#make("tree", "layer tree");
  }

  get blob(): ByteSink {
    return this.#blob ??= this.#make("blob", "layer");
  }

  /** Says that all is there. */
  end(output: Omit<LayerJobOutput, "memory">): LayerJobOutput {
    const { tar, tree } = this;
    const blob = this.#blob;
    for (const sink of [tar, tree, blob]) sink?.end();
    if (!(tar instanceof MemorySink && tree instanceof MemorySink)) return output;
    return {
      ...output,
      memory: {
        tar: tar.bytes(),
        tree: tree.bytes(),
        blob: blob instanceof MemorySink ? blob.bytes() : null,
      },
    };
  }

  [Symbol.dispose](): void {
    for (const sink of [this.tar, this.#tree, this.#blob]) sink?.[Symbol.dispose]();
  }

  #make(which: "tar" | "tree" | "blob", what: string): ByteSink {
    const target = this.#target;
    return target.kind === "memory"
      ? new MemorySink()
      : new FileSink(target[which] as string, what);
  }
}
