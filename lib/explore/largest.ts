/** Keeps those of many things that have the most bytes. Of equal ones, those that came first. */
export class Largest<T extends { readonly bytes: number }> {
  readonly #most: number;
  readonly #things: T[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Most bytes first. */
  get things(): readonly T[] {
    return this.#things;
  }

  add(thing: T): void {
    const things = this.#things;
    const last = things.at(-1);
    if (things.length === this.#most && (last?.bytes ?? 0) >= thing.bytes) return;
    let at = things.length;
    while (at > 0 && (things[at - 1] as T).bytes < thing.bytes) at--;
    things.splice(at, 0, thing);
    if (things.length > this.#most) things.pop();
  }
}
