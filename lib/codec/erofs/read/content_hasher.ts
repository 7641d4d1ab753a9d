import { createHasher, type DiffId, sha256Bytes } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import { damaged } from "../errors.ts";
import type { ReadLayer } from "../options.ts";
import type { ImageBytes } from "./image_bytes.ts";
import type { DeviceExtent } from "./read_extents.ts";

const ZEROS = new Uint8Array(1 << 16);
/** Number of bytes that are read at once. */
const PIECE = 1 << 18;
/**
 * Default limit of the hashed bytes: 64 GiB. A hole takes no space in the image, but must be hashed
 * like other content.
 */
const MAX_CONTENT = 2 ** 36;

/** Hashes the files of an image, including holes. There is one limit for all files together. */
export class ContentHasher {
  readonly #image: ImageBytes;
  readonly #devices: readonly (DiffId | undefined)[];
  readonly #read: ReadLayer | undefined;
  #left: number;

  /** Makes a hasher for an image and its devices. */
  constructor(
    image: ImageBytes,
    devices: readonly (DiffId | undefined)[],
    read: ReadLayer | undefined,
    limit: number = MAX_CONTENT,
  ) {
    this.#image = image;
    this.#devices = devices;
    this.#read = read;
    this.#left = limit;
  }

  /**
   * Computes the SHA-256 of a file.
   *
   * @throws {VarveError} `E_LIMIT` when all files together exceed the limit, `E_FORMAT` when a
   * layer ends too early
   * @throws {TypeError} when the file lies in a device and there is no function that reads layers
   */
  digest(size: number, extents: readonly DeviceExtent[]): Uint8Array {
    this.#left -= size;
    if (this.#left < 0) {
      throw new VarveError("E_LIMIT", "Cannot read EROFS image: its files are too large to hash", {
        setting: "maxContent",
      });
    }
    const [only] = extents;
    if (only?.length === size && size <= PIECE) {
      return sha256Bytes(this.#bytes(only.device, only.position, size));
    }
    const hasher = createHasher();
    let done = 0;
    const zerosTo = (end: number) => {
      for (; done < end; done += Math.min(ZEROS.length, end - done)) {
        hasher.update(ZEROS.subarray(0, Math.min(ZEROS.length, end - done)));
      }
    };
    for (const { device, logical, length, position } of extents) {
      zerosTo(logical);
      for (let at = 0; at < length; at += PIECE) {
        hasher.update(this.#bytes(device, position + at, Math.min(PIECE, length - at)));
      }
      done = logical + length;
    }
    zerosTo(size);
    return hasher.bytes();
  }

  #bytes(device: number, position: number, length: number): Uint8Array {
    if (device === 0) return this.#image.at(position, length);
    const read = this.#read;
    if (read === undefined) {
      throw new TypeError(
        "Cannot hash files of an EROFS image: they lie in devices, and `read` is missing",
      );
    }
    const source = this.#devices[device - 1];
    if (source === undefined) return damaged(`the tag of device ${device} does not name a layer`);
    const bytes = read(source, position, length);
    if (bytes.length !== length) damaged(`the content of a file exceeds layer ${source}`);
    return bytes;
  }
}
