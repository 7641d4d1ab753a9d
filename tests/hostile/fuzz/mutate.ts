/** Seeded damage to bytes. */
import type { Prng } from "../../support/prng.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Numbers that readers get wrong: bounds of widths, signs, and blocks. */
const ODD_BYTES = [0, 1, 0x20, 0x2f, 0x30, 0x37, 0x39, 0x5c, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff];

/** Damages bytes in one to eight places: flips, odd values, runs copied, cut, doubled or inserted. */
export function mutate(bytes: Bytes, random: Prng): Bytes {
  let out: Bytes = bytes.slice();
  for (let times = random.int(1, 9); times > 0; times--) out = damage(out, random);
  return out;
}

function damage(bytes: Bytes, random: Prng): Bytes {
  if (bytes.length === 0) return random.bytes(random.int(1, 40));
  const at = random.int(0, bytes.length);
  const length = random.int(1, random.pick([2, 9, 600]));
  const before = bytes.subarray(0, at);
  const run = bytes.subarray(at, at + length);
  const after = bytes.subarray(at + length);
  switch (random.int(0, 7)) {
    case 0:
      return patched(bytes, at, [(bytes[at] as number) ^ (1 << random.int(0, 8))]);
    case 1:
      return patched(bytes, at, [random.pick(ODD_BYTES)]);
    case 2:
      return patched(bytes, at, random.bytes(length));
    case 3:
      return joined(before, after);
    case 4:
      return joined(before, run, run, after);
    case 5:
      return joined(before, random.bytes(length), run, after);
    default:
      return random.chance(0.3) ? before.slice() : patched(bytes, random.int(0, bytes.length), run);
  }
}

function patched(bytes: Bytes, at: number, values: ArrayLike<number>): Bytes {
  const out = bytes.slice();
  for (let i = 0; i < values.length && at + i < out.length; i++) out[at + i] = values[i] as number;
  return out;
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Gives each block that looks like a tar header the right checksum: else all damage ends at the checksum. */
export function repairChecksums(tar: Bytes): Bytes {
  const out = tar.slice();
  for (let at = 0; at + 512 <= out.length; at += 512) {
    const block = out.subarray(at, at + 512);
    if (new TextDecoder().decode(block.subarray(257, 262)) !== "ustar") continue;
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  }
  return out;
}
