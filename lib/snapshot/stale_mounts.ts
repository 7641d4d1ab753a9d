/**
 * Mounts that show old bytes: a mount goes on showing the files that it was made of, also after a layer was repaired.
 */
import { type ByteString, fromText } from "../bytes/mod.ts";
import { composedImagesIn, sharedMountName } from "../compose/internal.ts";
import type { DiffId } from "../digest/mod.ts";
import { type MountInfo, readMountInfo, splitOverlayPaths } from "../linux/mod.ts";
import { boundPaths } from "./bound_path.ts";
import { parseDerivedName, ROOT_FILES } from "../store/internal.ts";
import type { DiskStore } from "../store/mod.ts";

/** Options in mountinfo with lowers of an overlay: one lower, by fsconfig(2), or all of them, by mount(2). */
const ONE_LOWER = "lowerdir+=", ALL_LOWERS = "lowerdir=";

/** The end of the path of a directory that a driver extracted. */
const EXTRACTED = new RegExp(
  `/(${ROOT_FILES.layers}|${ROOT_FILES.chains})/([1-9][0-9]*)/([a-z0-9-]+)$`,
);

/** The end of the path of a shared lower. */
const SHARED = new RegExp(`/${ROOT_FILES.mounts}/(erofs-[0-9a-f-]+)$`);

/**
 * Finds the mounts of a store that show old bytes, because a layer was repaired, or something derived was made again,
 * after they were made. An unmount and a new mount shows the present bytes. Sees only the mounts of this process's
 * mount namespace.
 *
 * @returns the directories where something is mounted, sorted
 */
export function staleMounts(store: DiskStore): ByteString[] {
  const mounts = readMountInfo();
  const root = fromText(Deno.realPathSync(store.root));
  const judge = new Judge(store, root, mounts);
  const stale = mounts.filter((mount) =>
    !isShared(mount.mountPoint, root) && lowersOf(mount, root, judge).some(judge.isStale)
  );
  return [...new Set(stale.map(({ mountPoint }) => mountPoint))].sort();
}

/** Whether a path is that of a shared lower, which is no mount of a user. */
function isShared(path: ByteString, root: ByteString): boolean {
  return path.startsWith(`${root}/`) && SHARED.test(path);
}

/** Absolute paths of the directories of the store that a mount shows. */
function lowersOf(mount: MountInfo, root: ByteString, judge: Judge): ByteString[] {
  if (mount.type === "erofs") return judge.lowersOn(mount.device);
  if (mount.type !== "overlay") {
    const bound = judge.boundPath(mount);
    return bound === undefined ? [] : [`${root}${bound}` as ByteString];
  }
  return mount.superOptions.flatMap((option) => {
    if (option.startsWith(ONE_LOWER)) return [option.slice(ONE_LOWER.length) as ByteString];
    if (!option.startsWith(ALL_LOWERS)) return [];
    return splitOverlayPaths(option.slice(ALL_LOWERS.length));
  }).filter((path) => path.startsWith(`${root}/`));
}

/** Judges lowers of a store. Reads what it needs once, when it is first needed. */
class Judge {
  readonly #store: DiskStore;
  readonly #root: ByteString;
  readonly #mounts: readonly MountInfo[];
  /** As {@linkcode boundPaths}. */
  readonly boundPath: ReturnType<typeof boundPaths>;
  #names: ReadonlySet<string | undefined> | undefined;
  #layers: ReadonlyMap<number, DiffId> | undefined;

  constructor(store: DiskStore, root: ByteString, mounts: readonly MountInfo[]) {
    this.#store = store;
    this.#root = root;
    this.#mounts = mounts;
    this.boundPath = boundPaths(store, mounts);
  }

  /** Whether what is derived now, from the layers as they are, lies elsewhere. */
  readonly isStale = (path: ByteString): boolean => {
    const shared = SHARED.exec(path);
    if (shared !== null) return !this.#current().has(shared[1]);
    const [, home, id, name = ""] = EXTRACTED.exec(path) ?? [];
    const derived = parseDerivedName(name);
    if (derived === undefined) return false;
    const generation = home === ROOT_FILES.layers
      ? this.#ofLayer(Number(id))
      : this.#ofChain(Number(id));
    return generation !== undefined && generation !== derived.generation;
  };

  /** The shared lowers that are mounted from a device. */
  lowersOn(device: string): ByteString[] {
    return this.#mounts.filter((mount) => mount.device === device)
      .map(({ mountPoint }) => mountPoint)
      .filter((path) => isShared(path, this.#root));
  }

  /** Names of the mount points of all composed images as they are now. */
  #current(): ReadonlySet<string | undefined> {
    const { chains, directories } = this.#store;
    return this.#names ??= new Set(
      chains.list().flatMap(({ cacheId }) =>
        cacheId === null
          ? []
          : composedImagesIn(directories.chain(cacheId)).map((composed) =>
            sharedMountName(this.#store, composed)
          )
      ),
    );
  }

  #ofLayer(cacheId: number): number | undefined {
    this.#layers ??= new Map(
      this.#store.layers.list().map((layer) => [layer.cacheId, layer.diffId]),
    );
    const diffId = this.#layers.get(cacheId);
    return diffId === undefined ? undefined : this.#store.directories.generation([diffId]);
  }

  #ofChain(cacheId: number): number | undefined {
    const { chains, directories } = this.#store;
    const chain = chains.list().find((chain) => chain.cacheId === cacheId);
    if (chain === undefined) return undefined;
    return directories.generation(chains.diffIds(chain.chainId), chain.chainId);
  }
}
