/** An array of numbers of one type. */
type NumberArray = Int32Array | Uint8Array | Float64Array;

/** An array of numbers that grows: as packed as an array of a fixed length. */
export class GrowingNumbers<T extends NumberArray> {
  readonly #make: (length: number) => T;
  #array: T;
  #length = 0;

  /** `make` makes an array of a length, filled with zeros. */
  constructor(make: (length: number) => T) {
    this.#make = make;
    this.#array = make(1024);
  }

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** The numbers. A later {@linkcode push} does not show in them. */
  get values(): T {
    return this.#array.subarray(0, this.#length) as T;
  }

  push(value: number): void {
    if (this.#length === this.#array.length) {
      // Half as much again: a large array that doubles would waste much.
      const larger = this.#make(Math.floor(this.#length * 1.5));
      larger.set(this.#array);
      this.#array = larger;
    }
    this.#array[this.#length++] = value;
  }
}
