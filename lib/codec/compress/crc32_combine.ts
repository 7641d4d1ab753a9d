/** The CRC-32 polynomial of gzip, with its bits reversed: bit 31 stands for x⁰. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x8000_0000;

/** x to the power of 2ⁿ modulo `POLYNOMIAL`, for n from 0 to 31. */
let known: readonly number[] | undefined;

/**
 * Computes the CRC-32 of two joined pieces from the CRC-32 of each piece. So pieces can be hashed
 * in parallel.
 *
 * A CRC is the remainder of a polynomial division. Appending n bytes multiplies the polynomial by
 * x⁸ⁿ and adds the polynomial of the new bytes.
 *
 * @param first CRC-32 of the first piece
 * @param second CRC-32 of the second piece
 * @param secondLength length of the second piece in bytes
 */
export function crc32Combine(first: number, second: number, secondLength: number): number {
  const all = known ??= powers();
  let shift = ONE;
  // 8n = n · 2³, so the lowest binary digit of n has the weight 2³.
  for (let n = secondLength, k = 3; n > 0; n = Math.floor(n / 2), k++) {
    if (n % 2 === 1) shift = multiply(all[k % 32]!, shift);
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

/** The product of two polynomials modulo `POLYNOMIAL`. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = ONE, factor = b; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= factor;
    factor = (factor & 1) !== 0 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}

function powers(): number[] {
  const list = [ONE >>> 1];
  for (let i = 1; i < 32; i++) list.push(multiply(list[i - 1]!, list[i - 1]!));
  return list;
}
