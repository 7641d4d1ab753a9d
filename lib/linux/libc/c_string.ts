import type { ByteString } from "../../bytes/mod.ts";

/** Room for a name; a longer string gets a buffer of its own. */
const ROOM = 4096;

function writer(): (value: ByteString) => Uint8Array<ArrayBuffer> {
  const scratch = new Uint8Array(ROOM);
  return (value) => {
    const length = value.length;
    const target = length < ROOM ? scratch : new Uint8Array(length + 1);
    for (let i = 0; i < length; i++) {
      const byte = value.charCodeAt(i);
      // A NUL would cut the name: the kernel would act on another file.
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
 * A byte string as bytes with a NUL behind, in a buffer that the next call of
 * the same function overwrites: use it at once, in one synchronous call.
 *
 * @throws {RangeError} when the string holds a NUL
 */
export const cString: (value: ByteString) => Uint8Array<ArrayBuffer> = writer();

/** As {@linkcode cString}, with a second buffer, for calls with two names. */
export const cString2: (value: ByteString) => Uint8Array<ArrayBuffer> = writer();
