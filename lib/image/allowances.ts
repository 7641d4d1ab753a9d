import { DEFAULT_COMPRESS_LIMITS } from "../codec/compress/mod.ts";
import { VarveError } from "../errors.ts";
import { type LayerLimits, layerLimits } from "../layer/mod.ts";
import { layerRules } from "../layer_job/internal.ts";
import type { LayerJobOutput, LayerRules } from "../layer_job/mod.ts";

const KIB = 1024;

type StreamLimits = LayerRules["streamLimits"];

/**
 * What the layers of one call may have beyond the ratios to their compressed sizes. They share it:
 * otherwise an image of 500 tiny layers could have 500 times as much. Layers that are made at the
 * same time may each take what is left.
 */
export class Allowances {
  readonly #limits: Partial<LayerLimits> | undefined;
  #entries = 0;
  #metadata = 0;
  #bytes = 0;
  /** Number of entries of the layers that came in a compressed archive. */
  #carried = 0;
  /** The same as `entryRatio` counts them. */
  #counted = 0;

  /** `limits` are those of each layer. */
  constructor(limits: Partial<LayerLimits> | undefined) {
    this.#limits = limits;
  }

  /** The rules of the next layer. `rules` are those of each layer. */
  rulesLeft(rules: LayerRules): LayerRules {
    const streamLimits = this.#bytesLeft(rules.streamLimits);
    return layerRules({ ...rules, limits: this.#left(), streamLimits });
  }

  #left(): Partial<LayerLimits> | undefined {
    if (this.#entries === 0 && this.#metadata === 0) return this.#limits;
    const { entryRatioFrom, metadataRatioFrom } = layerLimits(this.#limits);
    return {
      ...this.#limits,
      entryRatioFrom: Math.max(0, entryRatioFrom - this.#entries),
      metadataRatioFrom: Math.max(0, metadataRatioFrom - this.#metadata),
    };
  }

  #bytesLeft(limits: StreamLimits): StreamLimits {
    if (this.#bytes === 0) return limits;
    const ratioFromBytes = limits?.ratioFromBytes ?? DEFAULT_COMPRESS_LIMITS.ratioFromBytes;
    return { ...limits, ratioFromBytes: Math.max(0, ratioFromBytes - this.#bytes) };
  }

  /** Counts what a layer took. `limits` are those of its compression. */
  spend({ beyondRatio, size, uncompressedSize }: LayerJobOutput, limits: StreamLimits): void {
    const ratio = limits?.ratio ?? DEFAULT_COMPRESS_LIMITS.ratio;
    this.#entries += beyondRatio?.entries ?? 0;
    this.#metadata += beyondRatio?.metadata ?? 0;
    this.#bytes += Math.max(0, uncompressedSize - ratio * size);
  }

  /** Counts the entries of a layer that came in a compressed archive. `counted`: as `entryRatio` counts them. */
  carried(entries: number, counted: number): void {
    this.#carried += entries;
    this.#counted += counted;
  }

  /** The part of a compressed archive, in bytes, that its next layers may count on. */
  leftOf(archiveSize: number): number {
    const { entryRatio } = layerLimits(this.#limits);
    return Math.max(0, archiveSize - Math.ceil(this.#counted * KIB / entryRatio));
  }

  /** Checks the number of entries of all layers of a compressed archive together. @throws {VarveError} `E_LIMIT` */
  judge(archiveSize: number, verb: string): void {
    const { entryRatio, entryRatioFrom } = layerLimits(this.#limits);
    if (this.#counted <= Math.max(entryRatioFrom, archiveSize / KIB * entryRatio)) return;
    throw new VarveError(
      "E_LIMIT",
      `Cannot ${verb} an archive of ${archiveSize} compressed bytes: its layers have ${this.#carried} ` +
        `entries, more than ${entryRatio} for each KiB (limits.layer.entryRatio)`,
      { setting: "limits.layer.entryRatio", expected: entryRatio },
    );
  }
}
