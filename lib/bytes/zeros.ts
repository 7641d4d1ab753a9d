/**
 * All holes share this memory, so {@linkcode areZeros} recognises them without reading their bytes.
 */
const ZEROS = new Uint8Array(256 * 1024);

/** `length` zero bytes, in pieces. Do not write into them: they are shared. */
export function* zeros(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= ZEROS.length) {
    yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
  }
}

/** Whether bytes are a piece that {@linkcode zeros} made. Zeros from elsewhere do not count. */
export function areZeros(bytes: Uint8Array): boolean {
  return bytes.buffer === ZEROS.buffer;
}

/**
 * Whether all bytes are zero. Other content is fast too: it nearly always has a byte that is not
 * zero near its start.
 */
export function isZero(bytes: Uint8Array): boolean {
  if (areZeros(bytes)) return true;
  const start = bytes.byteOffset % 4 === 0 ? 0 : 4 - bytes.byteOffset % 4;
  for (let i = 0; i < start; i++) if (bytes[i] !== 0) return false;
  const words = new Uint32Array(
    bytes.buffer,
    bytes.byteOffset + start,
    (bytes.length - start) >> 2,
  );
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  for (let i = start + words.length * 4; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
