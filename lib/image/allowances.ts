import { VarveError } from "../errors.ts";
import { type BeyondRatio, type LayerLimits, layerLimits } from "../layer/mod.ts";

const KIB = 1024;

/**
 * What the layers of one call may have beyond the ratios to their compressed sizes. They share it:
 * otherwise an image of 500 tiny layers could have 500 times as much. Layers that are made at the
 * same time may each take what is left.
 */
export class Allowances {
  readonly #limits: Partial<LayerLimits> | undefined;
  #entries = 0;
  #metadata = 0;
  /** Number of entries of the layers that came in a compressed archive. */
  #carried = 0;
  /** The same as `entryRatio` counts them. */
  #counted = 0;

  /** `limits` are those of each layer. */
  constructor(limits: Partial<LayerLimits> | undefined) {
    this.#limits = limits;
  }

  /** The limits of the next layer. */
  left(): Partial<LayerLimits> | undefined {
    if (this.#entries === 0 && this.#metadata === 0) return this.#limits;
    const { entryRatioFrom, metadataRatioFrom } = layerLimits(this.#limits);
    return {
      ...this.#limits,
      entryRatioFrom: Math.max(0, entryRatioFrom - this.#entries),
      metadataRatioFrom: Math.max(0, metadataRatioFrom - this.#metadata),
    };
  }

  /** Counts what a layer took. */
  spend(beyond: BeyondRatio | undefined): void {
    this.#entries += beyond?.entries ?? 0;
    this.#metadata += beyond?.metadata ?? 0;
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
