import type { DiffId } from "../../digest/mod.ts";
import { Arena } from "./arena.ts";
import type { Segment } from "./block.ts";
import { MemorySegment } from "./memory_segment.ts";

/**
 * Translates numbers of layers and imports in another segment into numbers in the segment being
 * written.
 */
interface Mapping {
  readonly segment: Segment;
  readonly sources: number[];
  readonly imports: number[];
}

/**
 * A segment that is being written: its memory, the layers that hold the content of its files, and
 * the segments that it imports. Layers and imported segments are each numbered from 1.
 */
export class SegmentWriter {
  /** The memory of the blocks. */
  readonly arena: Arena = new Arena();
  readonly #sources: DiffId[] = [];
  readonly #sourceIndex = new Map<DiffId, number>();
  readonly #imports: Segment[] = [];
  readonly #importIndex = new Map<Segment, number>();
  readonly #mappings = new Map<Segment, Mapping>();
  #last: Mapping | undefined;

  /** Returns the number of a layer. Adds the layer when it is new. */
  source(diffId: DiffId): number {
    let index = this.#sourceIndex.get(diffId);
    if (index === undefined) {
      index = this.#sources.push(diffId);
      this.#sourceIndex.set(diffId, index);
    }
    return index;
  }

  /** Reserves a number for a layer that is not known yet; {@linkcode name} sets the layer. */
  reserve(): number {
    return this.#sources.push("" as DiffId);
  }

  /** Sets the layer of a reserved number. */
  name(index: number, diffId: DiffId): void {
    this.#sources[index - 1] = diffId;
  }

  /** Returns the number of an imported segment. Adds the segment when it is new. */
  import(segment: Segment): number {
    let index = this.#importIndex.get(segment);
    if (index === undefined) {
      index = this.#imports.push(segment);
      this.#importIndex.set(segment, index);
    }
    return index;
  }

  /**
   * Translates `index`, the number of a layer in `segment`, into the layer's number in this
   * segment; 0 (no layer) stays 0.
   */
  mapSource(segment: Segment, index: number): number {
    if (index === 0) return 0;
    const mapped = this.#mapping(segment).sources;
    return mapped[index] ??= this.source(segment.sources[index - 1] as DiffId);
  }

  /**
   * Translates `index`, the number of an import of `segment`, into its number in this segment; 0
   * means `segment` itself.
   */
  mapImport(segment: Segment, index: number): number {
    const mapped = this.#mapping(segment).imports;
    return mapped[index] ??= this.import(
      index === 0 ? segment : segment.imports[index - 1] as Segment,
    );
  }

  #mapping(segment: Segment): Mapping {
    if (this.#last?.segment === segment) return this.#last;
    let mapping = this.#mappings.get(segment);
    if (mapping === undefined) {
      mapping = { segment, sources: [], imports: [] };
      this.#mappings.set(segment, mapping);
    }
    this.#last = mapping;
    return mapping;
  }

  /** Ends the segment and returns it. */
  seal(): MemorySegment {
    this.arena.trim();
    return new MemorySegment(this.arena, this.#sources, this.#imports);
  }
}
