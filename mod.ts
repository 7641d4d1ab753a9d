/**
 * varve, a container image layer engine: it takes an image, proves every byte of
 * it, and makes it readable, mountable and saveable again.
 *
 * - {@linkcode openStore} opens the store that everything else works on;
 * - {@linkcode loadImages} brings images in from archives and directories, and
 *   {@linkcode saveImages} takes them out; {@linkcode pullImage} and {@linkcode pushImage} do so with
 *   registries;
 * - {@linkcode mountImage} and {@linkcode unpackImage} give their files;
 * - {@linkcode applyLayer}, {@linkcode diffTrees} and {@linkcode chainIds} are the
 *   pure core: values in, values out.
 *
 * Importing this module opens nothing and asks for no permission; files, workers
 * and libraries open inside a call. Every room has its own entry point with all
 * of its parts, such as `@varve/varve/tar`.
 *
 * @example
 * ```ts
 * import { chainIds, type DiffId, parseDigest, sha256 } from "@varve/varve";
 *
 * const digest = sha256(new TextEncoder().encode("varve"));
 * if (parseDigest(digest) !== digest) throw new Error("a digest reads as it is written");
 * const diffIds = [digest as DiffId];
 * if (chainIds(diffIds).at(0) !== diffIds[0]) throw new Error("the lowest chain is its layer");
 * ```
 *
 * @module
 */
export * from "./lib/errors.ts";
export {
  type ChainId,
  createHasher,
  type DiffId,
  type Digest,
  equalDigests,
  type Hasher,
  isDigest,
  parseDigest,
  sha256,
  type TreeDigest,
  verifyStream,
} from "./lib/digest/mod.ts";
export { list, lookup, type Node, resolve, rootOf, type Tree, walk } from "./lib/tree/mod.ts";
export {
  applyLayer,
  chainId,
  chainIds,
  type Change,
  changes,
  diffTrees,
  foldLayers,
  squashLayers,
} from "./lib/layer/mod.ts";
export type { Fd, Mount } from "./lib/linux/mod.ts";
export {
  type AnyJob,
  createPool,
  type Half,
  type Halves,
  type Job,
  type JobContext,
  type JobProgress,
  type Pool,
  type PoolOptions,
  type RunOptions,
  type WorkerEntry,
} from "./lib/pool/mod.ts";
export type { InflaterName, LayerJobOutput, LayerRules, LayerTarget } from "./lib/layer_job/mod.ts";
export {
  findImage,
  openMemoryStore,
  type OpenOptions,
  openStore,
  readImage,
  type Store,
  type StoredImage,
} from "./lib/store/mod.ts";
export {
  appendImage,
  exportImage,
  type ExportOptions,
  importImage,
  type ImportOptions,
  type LoadedImage,
  type LoadedLayer,
  type LoadOptions,
  type LoadProgress,
  type NewImageOptions,
  type NewLayerSource,
  type Rebase,
  rebaseImage,
  squashImage,
} from "./lib/image/mod.ts";
export {
  loadImages,
  saveImages,
  type SaveOptions,
  saveToDirectory,
  saveToFile,
} from "./lib/archive/mod.ts";
export {
  type ClientConfig,
  type ClientOptions,
  loadClientConfig,
  pullImage,
  type PullOptions,
  pushImage,
  type PushOptions,
  RegistryClient,
} from "./lib/registry/mod.ts";
export {
  type RegistryServer,
  serveRegistry,
  type ServeRegistryOptions,
} from "./lib/registry_server/mod.ts";
export { createSnapshotter, selectDriver, type Snapshotter } from "./lib/snapshot/mod.ts";
export {
  type CommitImageOptions,
  commitSnapshot,
  type CommittedImage,
  exportSnapshot,
  type ExportSnapshotOptions,
  importDirectory,
} from "./lib/commit/mod.ts";
export type { DropReason, ExtractPolicy, ExtractReport } from "./lib/directory/mod.ts";
export {
  listMounts,
  type MountedImage,
  mountImage,
  type MountImageOptions,
  type MountRecord,
  unmountAll,
  type UnmountAllOptions,
  unmountImage,
  type UnmountImageOptions,
  unpackImage,
  type UnpackOptions,
  type UnpackRemains,
} from "./lib/mount/mod.ts";
