import type { LayerJobInput } from "./contract.ts";
import { type InflowSinks, LayerInflow, type TakeBytes } from "./inflate_stage.ts";
import { LayerOutflow, type ProvedLayer } from "./scan_stage.ts";

/** Where a {@linkcode LayerPipeline} puts what it makes. */
export interface LayerSinks {
  /** The uncompressed tar; `isPlain` says that it is what came. */
  readonly tar: InflowSinks["bytes"];
  /** The bytes as they came, when they are compressed; called at least once then. `null`: not wanted. */
  readonly blob: TakeBytes | null;
}

/** Both halves of the layer job in one thread, chunk by chunk. */
export class LayerPipeline implements Disposable {
  readonly #inflow: LayerInflow;
  readonly #outflow: LayerOutflow;

  /** Begins a layer. @throws {RangeError} when a limit is no limit */
  constructor(input: LayerJobInput, sinks: LayerSinks) {
    const outflow = this.#outflow = new LayerOutflow(input, sinks.tar);
    this.#inflow = new LayerInflow(input, {
      bytes: (bytes, isPlain) => {
        outflow.take(bytes, isPlain);
        if (!outflow.wantsMore) this.#inflow.skip();
      },
      blob: sinks.blob,
    });
  }

  /** Bytes that came. */
  get read(): number {
    return this.#inflow.read;
  }

  /** Bytes of the uncompressed tar. */
  get written(): number {
    return this.#inflow.written;
  }

  /** Takes the next bytes; keeps no reference to them. @throws {VarveError} as the halves do */
  push(chunk: Uint8Array): void {
    this.#inflow.push(chunk);
  }

  /** Judges the whole. @throws {VarveError} as the second half does */
  finish(): ProvedLayer {
    return this.#outflow.judge(this.#inflow.finish());
  }

  [Symbol.dispose](): void {
    this.#inflow[Symbol.dispose]();
  }
}
