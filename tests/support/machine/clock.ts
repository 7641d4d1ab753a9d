/** A clock that a user or a time server sets. */

/**
 * Shifts what `Date` says in this thread, until the result is disposed. The kernel's clock stays: so the times of files
 * are those of a machine whose clock was set.
 *
 * @param by milliseconds
 */
export function shiftClock(by: number): Disposable {
  const real = globalThis.Date;
  globalThis.Date = class extends real {
    constructor(...args: unknown[]) {
      super(...(args.length === 0 ? [real.now() + by] : args) as []);
    }
    static override now(): number {
      return real.now() + by;
    }
  } as DateConstructor;
  return { [Symbol.dispose]: () => void (globalThis.Date = real) };
}
