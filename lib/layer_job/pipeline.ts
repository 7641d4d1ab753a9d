import type { LayerJobInput } from "./contract.ts";
import { InflateStage, type TakeBytes, type TakeTar } from "./inflate_stage.ts";
import { type ProvedLayer, ScanStage } from "./scan_stage.ts";

/** Where a {@linkcode LayerPipeline} puts its output. */
export interface PipelineSinks {
  /** Takes the uncompressed tar. */
  readonly tar: TakeTar;
  /**
   * Takes the compressed bytes; called at least once for a compressed layer, else never. `null` when they
   * are not kept.
   */
  readonly blob: TakeBytes | null;
}

/** Both stages of the layer job on one thread, chunk by chunk. */
export class LayerPipeline implements Disposable {
  readonly #inflate: InflateStage;
  readonly #scan: ScanStage;

  /** `checkpoint` as for {@linkcode ScanStage}. @throws {RangeError} when a limit is not a valid number */
  constructor(input: LayerJobInput, sinks: PipelineSinks, checkpoint?: () => void) {
    const scan = this.#scan = new ScanStage(input, sinks.tar, checkpoint);
    this.#inflate = new InflateStage(input, {
      tar: (bytes, isPlain) => {
        scan.push(bytes, isPlain);
        if (!scan.wantsMore) this.#inflate.skip();
      },
      blob: sinks.blob,
    });
  }

  /** Number of compressed bytes so far. */
  get read(): number {
    return this.#inflate.read;
  }

  /** Number of uncompressed bytes so far. */
  get written(): number {
    return this.#inflate.written;
  }

  /** Takes the next compressed bytes; keeps no reference to them. @throws {VarveError} as the stages do */
  push(chunk: Uint8Array): void {
    this.#inflate.push(chunk);
  }

  /** Checks the whole layer. @throws {VarveError} as {@linkcode ScanStage.finish} */
  finish(): ProvedLayer {
    return this.#scan.finish(this.#inflate.finish());
  }

  [Symbol.dispose](): void {
    this.#inflate[Symbol.dispose]();
  }
}
