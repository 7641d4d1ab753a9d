/**
 * A clock that stands still until it is moved: it takes the place of `performance.now` in this
 * thread until it is disposed. What is judged by its speed is then judged the same on every machine.
 */
export class ManualClock implements Disposable {
  readonly #real = performance.now;
  #now: number = performance.now();

  constructor() {
    performance.now = () => this.#now;
  }

  /** Moves it forward. */
  advance(ms: number): void {
    this.#now += ms;
  }

  [Symbol.dispose](): void {
    performance.now = this.#real;
  }
}
