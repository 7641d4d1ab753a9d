import { type ByteString, fromText } from "../bytes/mod.ts";
import { EROFS_WRITER_VERSION } from "../codec/erofs/mod.ts";
import type { DiffId } from "../digest/mod.ts";
import { notingDamage } from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import { chainIds } from "../layer/mod.ts";
import { CWD, statAt } from "../linux/mod.ts";
import type { Pool } from "../pool/mod.ts";
import { aboveName, isComposedName, parseDerivedName, requireDisk } from "../store/internal.ts";
import type { DiskStore, Store } from "../store/mod.ts";
import { composeJob, type KeptTree } from "./compose_job.ts";
import { COMPOSED, type ComposedImage, IMAGE, ROOT_TREE } from "./contract.ts";
import { findImageInfo, readImageInfo } from "./image_info.ts";

/** Options of {@linkcode composeChain}. */
export interface ComposeOptions {
  /** The disk store that holds the layers. */
  readonly store: Store;
  /** Runs the job that folds the layers and writes the image. */
  readonly pool: Pool;
  /** The layers of the chain, lowest first; at least one. */
  readonly diffIds: readonly DiffId[];
  /**
   * What the layers lie on, when they lie on the directory of a snapshot. The image is then that of a layer: it has
   * whiteouts and opaque marks, and its implied directories have the attributes of the directories below.
   */
  readonly above?: Above | undefined;
  /**
   * An image of the chain that proved to be damaged. It is composed again, unless another process has done that
   * already.
   */
  readonly damaged?: ComposedChain | undefined;
  /** Aborts the composition. */
  readonly signal?: AbortSignal | undefined;
}

/** What layers lie on. */
export interface Above {
  /** SHA-256 that names what is below, in hexadecimal digits. */
  readonly below: string;
  /** Absolute paths of the directories below, topmost first. */
  readonly lowers: readonly ByteString[];
}

/** A chain that is composed. */
export interface ComposedChain {
  /** Absolute path of its directory, which holds the file `image`. */
  readonly directory: string;
  /** Description of the image. */
  readonly image: ComposedImage;
  /** Inode number of the image file. */
  readonly inode: bigint;
  /** Whether this call composed the image. */
  readonly isNew: boolean;
}

/**
 * Composes a chain. Idempotent: an image that exists is reused. An image is composed again when it is missing or
 * truncated, when another version of the writer wrote it, and when a layer was repaired since. Chains share one image if
 * their root trees are equal, and the file contents lie at the same places in the same layer tars.
 *
 * @throws {VarveError} `E_UNSUPPORTED` the store has no directories · `E_LIMIT` the tree does not fit into EROFS · as
 * `foldLayers`
 */
export async function composeChain(options: ComposeOptions): Promise<ComposedChain> {
  const { pool, diffIds, above, damaged, signal } = options;
  const store = requireDisk(options.store, "compose a chain");
  const { directories } = store;
  const chainId = store.chains.ensure(diffIds);
  const cancel = { signal };
  let generation = directories.generation(diffIds, chainId);
  let isNew = false;
  let found: ComposedImage | undefined;
  const directory = await directories.ensure({ chainId }, nameOf(above), async (target) => {
    isNew = true;
    const unique = [...new Set(diffIds)];
    await directories.prepareTrees(unique, pool);
    // A tree that was derived again raises it.
    generation = directories.generation(diffIds, chainId);
    const composed = pool.run(composeJob, {
      trees: diffIds.map((diffId) => directories.layerTree(diffId)),
      below: above === undefined ? keptBelow(store, diffIds) : null,
      lowers: above?.lowers,
      contents: unique.map((diffId) => [diffId, directories.layerTar(diffId)] as const),
      dirty: unique.filter((diffId) => store.layers.get(diffId)?.dirtyPadding === true),
      generation,
      target,
      siblings: composedDirectories(store),
    }, cancel);
    await withHint(notingDamage(directories, unique, composed));
  }, {
    ...cancel,
    isWhole(made) {
      found = findImageInfo(made);
      return isCurrent(found, generation) && inodeOf(made) !== damaged?.inode;
    },
  });
  const image = isNew ? readImageInfo(directory) : found ?? readImageInfo(directory);
  return { directory, image, inode: inodeOf(directory), isNew };
}

/** Whether an image was composed by this version of the writer, from the layers as they are now. */
function isCurrent(image: ComposedImage | undefined, generation: number): boolean {
  return image?.version === EROFS_WRITER_VERSION && image.generation === generation;
}

function inodeOf(directory: string): bigint {
  return statAt(CWD, fromText(`${directory}/${IMAGE}`)).inode;
}

/**
 * Absolute path of the directory of a chain's image: `chains/<cache-id>/erofs`, or for layers that lie on the directory
 * of a snapshot, `chains/<cache-id>/erofs-above-<below>`. It exists only if the chain is composed.
 * Returns `undefined` if the chain has no layers or has no cache id yet.
 */
export function composedDirectory(
  store: DiskStore,
  { diffIds, below }: { readonly diffIds: readonly DiffId[]; readonly below: string | null },
): string | undefined {
  if (diffIds.length === 0) return undefined;
  const cacheId = store.chains.get(store.chains.ensure(diffIds))?.cacheId ?? null;
  if (cacheId === null) return undefined;
  return `${store.directories.chain(cacheId)}/${nameOf(below === null ? undefined : { below })}`;
}

/** Name of the directory of a composed image, in that of its chain. */
function nameOf(above: Pick<Above, "below"> | undefined): string {
  return above === undefined ? COMPOSED : aboveName(COMPOSED, above.below);
}

/** Paths of the composed images in the directory of a chain. */
export function composedImagesIn(home: string): string[] {
  try {
    return [...Deno.readDirSync(home)].map(({ name }) => name)
      .filter((name) => isComposedName(parseDerivedName(name)?.base ?? ""))
      .map((name) => `${home}/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Finds the kept root tree that covers the most layers, counted from the lowest layer. */
function keptBelow(store: DiskStore, diffIds: readonly DiffId[]): KeptTree | null {
  const parts = chainIds(diffIds).slice(0, -1);
  for (const [i, chainId] of [...parts.entries()].reverse()) {
    const cacheId = store.chains.get(chainId)?.cacheId ?? null;
    if (cacheId === null) continue;
    const directory = composedIn(store, cacheId);
    const sum = findImageInfo(directory)?.kept ?? null;
    if (sum !== null) return { path: `${directory}/${ROOT_TREE}`, sum, layers: i + 1 };
  }
  return null;
}

/** Adds a hint to `E_LIMIT`: another driver can mount a chain that is too large for an image. */
async function withHint<T>(composed: Promise<T>): Promise<T> {
  try {
    return await composed;
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "E_LIMIT")) throw error;
    const hint = error.details.hint ?? "use the overlay driver";
    throw new VarveError(error.code, error.message, { ...error.details, hint }, { cause: error });
  }
}

function composedDirectories(store: DiskStore): string[] {
  return store.chains.list().flatMap(({ cacheId }) =>
    cacheId === null ? [] : [composedIn(store, cacheId)]
  );
}

function composedIn({ directories }: DiskStore, cacheId: number): string {
  return `${directories.chain(cacheId)}/${COMPOSED}`;
}
