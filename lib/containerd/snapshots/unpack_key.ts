/**
 * A key under which containerd unpacks a layer: `extract-<nanoseconds>-<random> <chainID>`, behind the namespace and a
 * number. All versions use it, and so does BuildKit.
 */
const UNPACK_KEY = /^(?:[^/]+\/[0-9]+\/)?extract-[0-9]+-\S+ sha(?:256|512):[0-9a-f]+$/;

/** Whether a snapshot with this key is prepared to apply one layer to it and to commit it. */
export function isUnpackKey(key: string): boolean {
  return UNPACK_KEY.test(key);
}
