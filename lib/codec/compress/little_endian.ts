/**
 * Reads an unsigned little-endian number. It multiplies, because a shift would wrap at 2^31. The
 * result is exact below 2^53.
 */
export function littleEndian(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return value;
}
