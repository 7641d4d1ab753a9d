/** Castagnoli's polynomial, reflected. */
const POLYNOMIAL = 0x82f6_3b78;

/** CRC-32C of bytes as the kernel computes it: from a state, without inversion at the ends. */
export function crc32c(state: number, bytes: Uint8Array): number {
  let crc = state;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  return crc >>> 0;
}
