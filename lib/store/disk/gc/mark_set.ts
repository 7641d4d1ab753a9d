import type { Digest } from "../../../digest/mod.ts";
import type { Marks, Reason, Thing } from "../../garbage.ts";

/** How a thing was reached first. */
interface Step {
  /** The thing that needs it; `null` for a root. */
  readonly from: Thing | null;
  readonly why: string;
}

/**
 * The things that roots reach. A thing is followed in the order in which it was reached, so the way by which it was
 * reached first is one of the shortest.
 */
export class MarkSet implements Marks {
  readonly #steps = new Map<Thing, Step>();
  readonly #unreadable = new Set<Digest>();
  /** Things that were reached, but not followed yet, from `#next` on. */
  #queue: Thing[] = [];
  #next = 0;
  readonly #without: ReadonlySet<Thing>;

  /** Reaches nothing yet. Roots in `without` do not count. */
  constructor(without: ReadonlySet<Thing> = new Set()) {
    this.#without = without;
  }

  get unreadable(): readonly Digest[] {
    return [...this.#unreadable].sort();
  }

  keeps(thing: Thing): boolean {
    return this.#steps.has(thing);
  }

  why(thing: Thing): Reason[] {
    const reasons: Reason[] = [];
    for (let at: Thing | null = thing; at !== null;) {
      const step = this.#steps.get(at);
      if (step === undefined) return [];
      reasons.push({ thing: at, why: step.why });
      at = step.from;
    }
    return reasons.reverse();
  }

  kept(): Iterable<Thing> {
    return this.#steps.keys();
  }

  /** Notes that a thing is a root. */
  root(thing: Thing, why: string): void {
    if (!this.#without.has(thing)) this.reach(thing, null, why);
  }

  /** Notes that a thing is reached from another. */
  reach(thing: Thing, from: Thing | null, why: string): void {
    if (this.#steps.has(thing)) return;
    this.#steps.set(thing, { from, why });
    this.#queue.push(thing);
  }

  /** Notes that a document of a kept image cannot be read. */
  cannotRead(digest: Digest): void {
    this.#unreadable.add(digest);
  }

  /** Takes the next thing to follow; `undefined` when everything was followed. */
  take(): Thing | undefined {
    const thing = this.#queue[this.#next++];
    if (thing === undefined) {
      this.#queue = [];
      this.#next = 0;
    }
    return thing;
  }
}
