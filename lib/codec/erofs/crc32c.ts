/** Castagnoli's polynomial, with its bits reversed. */
const POLYNOMIAL = 0x82f6_3b78;

/** Continues a CRC-32C as the kernel computes it: without inverting `state` before or after. */
export function crc32c(state: number, bytes: Uint8Array): number {
  let crc = state;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  return crc >>> 0;
}
