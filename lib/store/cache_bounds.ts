/** How much a store keeps of what can be made or fetched again. */

/** A bound with its setting. */
export interface CacheBound {
  /** Name of the setting, in bytes. */
  readonly setting: string;
  /** Default in bytes. */
  readonly value: number;
  /** What it bounds, for the list of settings. */
  readonly about: string;
}

const GIB = 2 ** 30;

/** The bounds of caches. The least recently used is removed first. */
export const CACHE_BOUNDS: { readonly size: CacheBound; readonly parts: CacheBound } = {
  /** Composed images with their root trees, and extracted directories. */
  size: {
    setting: "cache.size",
    value: 20 * GIB,
    about: "bytes of composed images and extracted layers that are kept for the next mount",
  },
  /** Kept parts of downloads. */
  parts: {
    setting: "cache.parts",
    value: 10 * GIB,
    about: "bytes of downloads that did not end, kept to continue them for a week",
  },
};
