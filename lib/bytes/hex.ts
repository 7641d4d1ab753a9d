const HEX: readonly string[] = Array.from(
  { length: 256 },
  (_, i) => i.toString(16).padStart(2, "0"),
);

/** Bytes as lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i++) out += HEX[bytes[i] as number];
  return out;
}

const HEX_PAIRS = /^(?:[0-9a-f]{2})*$/;

/**
 * The bytes of lower-case hexadecimal.
 *
 * @throws {RangeError} when it is not lower-case hexadecimal of even length
 */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  if (!HEX_PAIRS.test(hex)) {
    throw new RangeError("Cannot read hexadecimal: not pairs of 0-9a-f");
  }
  const out = new Uint8Array(hex.length / 2);
  // Faster than parseInt. It matters: a layer converts the digest of each of its files.
  for (let i = 0; i < out.length; i++) {
    out[i] = 16 * nibble(hex.charCodeAt(2 * i)) + nibble(hex.charCodeAt(2 * i + 1));
  }
  return out;
}

/** The value of a char that is known to be a lower-case hexadecimal digit. */
function nibble(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}
