import type { ByteString } from "../../bytes/mod.ts";

/** Bytes of the shared buffer. A longer string gets its own buffer. */
const BUFFER_BYTES = 4096;

function cStringWriter(): (value: ByteString) => Uint8Array<ArrayBuffer> {
  const scratch = new Uint8Array(BUFFER_BYTES);
  return (value) => {
    const length = value.length;
    const target = length < BUFFER_BYTES ? scratch : new Uint8Array(length + 1);
    for (let i = 0; i < length; i++) {
      const byte = value.charCodeAt(i);
      // A NUL would end the name early, and the kernel would act on another file.
      if (byte === 0 || byte > 0xff) {
        throw new RangeError("Cannot pass a name to the kernel: it holds a NUL or is not bytes");
      }
      target[i] = byte;
    }
    target[length] = 0;
    return target;
  };
}

/**
 * The bytes of a byte string, followed by a NUL.
 *
 * They are in a buffer that the next call of this function overwrites. So pass them to one
 * synchronous call at once.
 *
 * @throws {RangeError} when the string holds a NUL
 */
export const cString: (value: ByteString) => Uint8Array<ArrayBuffer> = cStringWriter();

/**
 * Like {@linkcode cString}, with a separate buffer, for the second name of a call with two names.
 */
export const cString2: (value: ByteString) => Uint8Array<ArrayBuffer> = cStringWriter();
