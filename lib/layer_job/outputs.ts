import { joinBytes } from "../bytes/mod.ts";
import type { Digest } from "../digest/mod.ts";
import { type Tree, writeTreeFile } from "../tree/mod.ts";
import { type ByteSink, FileSink, MemorySink } from "./byte_sink.ts";
import type { LayerJobInput, LayerJobOutput } from "./contract.ts";

/** The sinks of a job's target. Each sink is opened at its first use. */
export class LayerOutputs implements Disposable {
  readonly #input: LayerJobInput;
  readonly #sinks = new Map<"tar" | "tree" | "blob", ByteSink>();
  #isPlain = false;

  constructor(input: LayerJobInput) {
    this.#input = input;
  }

  /** Whether the compressed bytes are kept. */
  get keepsBlob(): boolean {
    const { target } = this.#input;
    return target.kind === "memory" || target.blob !== null;
  }

  /**
   * The sink of the uncompressed tar. `isPlain` means that the blob has the same bytes. If an
   * earlier job kept the beginning of such a blob, the tar is written to the blob's file.
   */
  tar(isPlain: boolean = this.#isPlain): ByteSink {
    this.#isPlain = isPlain;
    return this.sink(isPlain && this.#kept !== undefined ? "blob" : "tar");
  }

  /** Writes the layer tree and returns the digest of the written bytes. */
  tree(tree: Tree): Digest {
    const sink = this.sink("tree");
    return writeTreeFile(tree, (bytes) => sink.write(bytes));
  }

  /** The sink of the uncompressed tar, of the encoded layer tree, or of the compressed bytes. */
  sink(which: "tar" | "tree" | "blob"): ByteSink {
    let sink = this.#sinks.get(which);
    if (sink === undefined) this.#sinks.set(which, sink = this.#make(which));
    return sink;
  }

  /** Ends all sinks. When it returns, all bytes are written. */
  end(): void {
    for (const sink of this.#sinks.values()) sink.end();
  }

  /** Adds the bytes that were written to memory, if the target is memory. */
  withMemory(output: Omit<LayerJobOutput, "memory">): LayerJobOutput {
    const [tar, tree, blob] = (["tar", "tree", "blob"] as const).map((which) => {
      const sink = this.#sinks.get(which);
      return sink instanceof MemorySink ? sink.pieces() : null;
    });
    if (tar == null || tree == null) return output;
    return { ...output, memory: { tar, tree: joinBytes(tree), blob: blob ?? null } };
  }

  [Symbol.dispose](): void {
    for (const sink of this.#sinks.values()) sink[Symbol.dispose]();
  }

  #make(which: "tar" | "tree" | "blob"): ByteSink {
    const { target, willSync = false } = this.#input;
    if (target.kind === "memory") return new MemorySink();
    const kept = which === "blob" ? this.#kept : undefined;
    return new FileSink(target[which] as string, NAMES[which], willSync, kept);
  }

  get #kept(): number | undefined {
    const { target } = this.#input;
    return target.kind === "files" ? target.kept : undefined;
  }
}

const NAMES = { tar: "uncompressed layer", tree: "layer tree", blob: "layer" } as const;
