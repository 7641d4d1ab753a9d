/**
 * Mounts of other stores. A store that was copied has the leases of the mounts of the first store. And another store may
 * have mounted where a mount of this store was ended by other programs.
 */
import { type ByteString, fromText } from "../bytes/mod.ts";
import { IMAGE } from "../compose/internal.ts";
import { CWD, isErrno, type MountInfo, splitOverlayPaths, tryStatAt } from "../linux/mod.ts";
import { DRIVER_FILES, ROOT_FILES } from "../store/internal.ts";

/** Options in mountinfo with one directory of an overlay, and with all of its lowers. */
const ONE = /^(?:upperdir|lowerdir\+)=/, LOWERS = "lowerdir=";

const { snapshots, layers, chains, mounts: shared } = ROOT_FILES;

/** Matches a path in a store that an overlay or a composed image uses. The first group is the root of the store. */
const IN_STORE = new RegExp(
  `^(/.*)/(?:(?:${snapshots}|${layers}|${chains})/[1-9][0-9]*/[a-z0-9-]+(?:/${IMAGE})?|${shared}/erofs-[0-9a-f-]+)$`,
);

/** Matches the end of the root, in mountinfo, of a bind mount that the native driver makes: the directory that is bound. */
const BOUND = new RegExp(
  `/(?:${snapshots}|${chains})/[0-9]+/${DRIVER_FILES.files}(?:-[a-z]+)?(?:-[0-9]+)?$`,
);

/** Whether a mount is a bind mount of the native driver, of whatever store. */
export function isBound({ root }: Pick<MountInfo, "root">): boolean {
  return BOUND.test(root);
}

/**
 * Whether a mount that varve made shows files of another store. Where that is not known, it is taken for one of this
 * store: mountinfo has the former paths of a store that was moved.
 *
 * @param root absolute path of the store
 */
export function isOfOtherStore(root: string, mount: MountInfo): boolean {
  const [bound] = BOUND.exec(mount.root) ?? [];
  if (bound !== undefined) {
    // A bind mount shows the directory itself.
    return isOther(placeOf(fromText(`${root}${bound}`)), [placeOf(mount.mountPoint)]);
  }
  const roots = new Set(pathsOf(mount).flatMap((path) => IN_STORE.exec(path)?.[1] ?? []));
  return isOther(placeOf(fromText(root)), [...roots].map((path) => placeOf(path as ByteString)));
}

/** Whether places are known, and none is this one. */
function isOther(own: string | undefined, places: readonly (string | undefined)[]): boolean {
  const known = places.filter((place) => place !== undefined);
  return own !== undefined && known.length > 0 && !known.includes(own);
}

/** The paths that a mount shows, as they were given when it was made. */
function pathsOf({ type, source, superOptions }: MountInfo): ByteString[] {
  if (type !== "overlay") return [source];
  return superOptions.flatMap((option) => {
    if (option.startsWith(LOWERS)) return splitOverlayPaths(option.slice(LOWERS.length));
    return ONE.test(option) ? option.slice(option.indexOf("=") + 1) as ByteString : [];
  });
}

/** Device and inode of a directory; `undefined` when there is none, or it cannot be looked at. */
function placeOf(path: ByteString): string | undefined {
  try {
    const found = tryStatAt(CWD, path);
    return found === undefined ? undefined : `${found.device} ${found.inode}`;
  } catch (error) {
    if (isErrno(error, "EACCES", "ENOTDIR", "ELOOP", "ENAMETOOLONG")) return undefined;
    throw error;
  }
}
