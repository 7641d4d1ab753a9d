/** What is checked about a containerd that varve serves. */
export type ContainerdCheck =
  /** It answers on its socket. */
  | "reachable"
  /** A snapshotter plug-in has varve's socket. */
  | "snapshotter"
  /** A diff plug-in has varve's socket. */
  | "differ"
  /** varve's differ is the first that containerd asks. */
  | "first differ"
  /** The transfer service unpacks for varve, with its differ. */
  | "unpack"
  /** The transfer service has an entry for overlayfs with a differ, without which it takes any. */
  | "overlayfs"
  /** Both see the same mounts. */
  | "mount namespace"
  /** varve can read the files of the content store. */
  | "content"
  /** The path of the store has no character that mount options cannot hold. */
  | "store path";

/** The result of a check. */
export interface ContainerdFinding {
  /** What was checked. */
  readonly check: ContainerdCheck;
  /** Whether it is as it must be; null when that could not be found out. */
  readonly ok: boolean | null;
  /** What was found, in words. */
  readonly found: string;
}
