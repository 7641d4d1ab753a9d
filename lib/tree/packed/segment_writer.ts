import type { DiffId } from "../../digest/mod.ts";
import { Arena } from "./arena.ts";
import type { Segment } from "./block.ts";
import { MemorySegment } from "./memory_segment.ts";

/**
 * Numbers of another segment, and the numbers that the same things have in the segment being
 * written.
 */
interface Mapping {
  readonly segment: Segment;
  readonly sources: number[];
  readonly imports: number[];
}

/**
 * A segment that is being written: its memory, the layers that its files lie in, and the segments
 * that it imports. Both have numbers, which count from 1.
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

  /** The number of a layer, which is added when it is new. */
  source(diffId: DiffId): number {
    let index = this.#sourceIndex.get(diffId);
    if (index === undefined) {
      index = this.#sources.push(diffId);
      this.#sourceIndex.set(diffId, index);
    }
    return index;
  }

  /** A number for a layer that is not known yet: {@linkcode name} sets it. */
  reserve(): number {
    return this.#sources.push("" as DiffId);
  }

  /** Sets the layer of a reserved number. */
  name(index: number, diffId: DiffId): void {
    this.#sources[index - 1] = diffId;
  }

  /** The number of an imported segment, which is added when it is new. */
  import(segment: Segment): number {
    let index = this.#importIndex.get(segment);
    if (index === undefined) {
      index = this.#imports.push(segment);
      this.#importIndex.set(segment, index);
    }
    return index;
  }

  /**
   * The number here of the layer that has the number `index` in `segment`; 0 (no layer) stays 0.
   */
  mapSource(segment: Segment, index: number): number {
    if (index === 0) return 0;
    const mapped = this.#mapping(segment).sources;
    return mapped[index] ??= this.source(segment.sources[index - 1] as DiffId);
  }

  /**
   * The number here of the segment that has the number `index` in `segment`; 0 means `segment`
   * itself.
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

  /** Ends the segment. */
  seal(): MemorySegment {
    this.arena.trim();
    return new MemorySegment(this.arena, this.#sources, this.#imports);
  }
}
