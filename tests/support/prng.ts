/** Seeded numbers for tests: the same seed gives the same case on every machine. */

/** A deterministic source of test values. */
export interface Prng {
  /** The next 32-bit unsigned integer. */
  next(): number;
  /** An integer from `low` up to but without `high`. */
  int(low: number, high: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** A shuffled copy. */
  shuffle<T>(list: readonly T[]): T[];
  /** Bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** Cuts bytes into pieces of chosen sizes, empty ones among them. */
  split(bytes: Uint8Array<ArrayBuffer>, most?: number): Uint8Array<ArrayBuffer>[];
}

/**
 * A generator (sfc32, seeded by an integer through splitmix32).
 *
 * A failing property test must print its seed, so that `prng(seed)` repeats the case.
 */
export function prng(seed: number): Prng {
  let mixed = seed >>> 0;
  const seeded = () => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) | 0;
  };
  let [a, b, c, d] = [seeded(), seeded(), seeded(), 1];
  const next = () => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  const fraction = () => (next() >>> 5) * 2 ** -27;
  const int = (low: number, high: number) => {
    if (!(high > low)) throw new RangeError(`Cannot choose from [${low}, ${high}): it is empty`);
    return low + Math.floor((next() * 2 ** 21 + (next() >>> 11)) * 2 ** -53 * (high - low));
  };
  const bytes = (length: number) => {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = next();
      for (let k = 0; k < 4 && i + k < length; k++) out[i + k] = word >>> (8 * k);
    }
    return out;
  };
  return {
    next,
    int,
    bytes,
    chance: (probability) => fraction() < probability,
    pick: (list) => list[int(0, list.length)] as (typeof list)[number],
    shuffle: (list) => {
      const out = [...list];
      for (let i = out.length - 1; i > 0; i--) {
        const k = int(0, i + 1);
        [out[i], out[k]] = [out[k] as (typeof out)[number], out[i] as (typeof out)[number]];
      }
      return out;
    },
    split: (whole, most = 700) => {
      const out = [];
      for (let at = 0; at < whole.length;) {
        const size = int(0, most + 1);
        out.push(whole.subarray(at, at + size));
        at += size;
      }
      return out;
    },
  };
}

/**
 * Runs a property for seeds `first … first + count - 1`; a failure names its seed.
 *
 * @throws {Error} with the seed in the message and the failure as its cause
 */
export async function forSeeds(
  count: number,
  property: (random: Prng, seed: number) => void | Promise<void>,
  first = 1,
): Promise<void> {
  for (let seed = first; seed < first + count; seed++) {
    try {
      await property(prng(seed), seed);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`seed ${seed}: ${text}`, { cause });
    }
  }
}
