/**
 * The parts of the tar format that reader and writer share.
 *
 * Sources: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 *
 * @module
 */

/** Size of a tar block in bytes. Headers and bodies begin at multiples of this size. */
export const BLOCK = 512;

/** The type flags of headers, as char codes. */
export const TYPE = {
  OLD_FILE: 0x00,
  FILE: 0x30,
  HARDLINK: 0x31,
  SYMLINK: 0x32,
  CHAR: 0x33,
  BLOCK: 0x34,
  DIRECTORY: 0x35,
  FIFO: 0x36,
  CONTIGUOUS: 0x37,
  PAX: 0x78,
  PAX_GLOBAL: 0x67,
  GNU_LONG_NAME: 0x4c,
  GNU_LONG_LINK: 0x4b,
  GNU_SPARSE: 0x53,
} as const;

/** Number of padding bytes after a body of `size` bytes, up to the next multiple of 512. */
export function tarPadding(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

/**
 * Whether entries of this type have no body, whatever their size field says: links, devices,
 * directories, FIFOs.
 */
export function isHeaderOnly(typeflag: number): boolean {
  return typeflag >= TYPE.HARDLINK && typeflag <= TYPE.FIFO;
}

/**
 * Whether this is the type of a meta header: PAX, or a GNU long name or link. A meta header is not
 * an entry.
 */
export function isMeta(typeflag: number): boolean {
  return typeflag === TYPE.PAX || typeflag === TYPE.PAX_GLOBAL ||
    typeflag === TYPE.GNU_LONG_NAME || typeflag === TYPE.GNU_LONG_LINK;
}
