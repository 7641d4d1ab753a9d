/**
 * varve, a container image layer engine: it takes an image, proves every byte of
 * it, and makes it readable, mountable and saveable again.
 *
 * - {@linkcode openStore} opens the store that everything else works on;
 * - {@linkcode loadImages} brings images in from archives and directories, and
 *   {@linkcode saveImages} takes them out; {@linkcode pullImage} and {@linkcode pushImage} do so with
 *   registries;
 * - {@linkcode imageTree} and {@linkcode openFile} read their files, {@linkcode mountImage} and
 *   {@linkcode unpackImage} make them files of this machine;
 * - {@linkcode createSnapshotter} makes writable snapshots, {@linkcode commitSnapshot} makes images of them;
 * - {@linkcode diffTrees}, {@linkcode applyLayer} and {@linkcode chainIds} are the
 *   pure core: values in, values out.
 *
 * A function takes the store first, then the image or the name of something, and options last. An image is
 * named as a user names it (`app:1`, an ID, a digest), or given as it was read, loaded or committed. A pool of
 * workers, a driver and a snapshotter are made where none is given. Paths are strings; names inside
 * of an image are bytes ({@linkcode ByteString}: {@linkcode fromText}, {@linkcode toText}).
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
export { type ByteString, fromText, type Timestamp, toText } from "./lib/bytes/mod.ts";
export {
  type Algorithm,
  type ChainId,
  createHasher,
  type DiffId,
  type Digest,
  equalDigests,
  type Expected,
  type Hasher,
  isDigest,
  parseDigest,
  sha256,
  type TreeDigest,
  type VerifyingStream,
  verifyStream,
} from "./lib/digest/mod.ts";
export {
  type ContainerChange,
  type ContainerConfig,
  type Descriptor,
  formatReference,
  type HistoryEntry,
  type ImageConfig,
  type ImageLayer,
  type JsonObject,
  type JsonValue,
  type Manifest,
  type NewConfig,
  type OciLimits,
  parseReference,
  type Platform,
  type Reference,
} from "./lib/oci/mod.ts";
export {
  type Attributes,
  type DeviceNode,
  type DirectoryNode,
  type Extent,
  type FifoNode,
  type FileNode,
  type Linkable,
  list,
  type Locator,
  lookup,
  type NamedNode,
  type Node,
  type NodeType,
  resolve,
  type Resolved,
  type ResolveOptions,
  rootOf,
  type SymlinkNode,
  type Tree,
  type TreeKind,
  walk,
  type WalkEntry,
  type WalkOptions,
  type WhiteoutNode,
  type Xattr,
} from "./lib/tree/mod.ts";
export {
  applyLayer,
  type BeyondRatio,
  chainId,
  chainIds,
  type Change,
  diffLayer,
  type DiffOptions,
  diffTrees,
  foldLayers,
  type LayerLimits,
  type LayerPolicy,
  squashLayers,
  type Warning,
  WARNING_CODES,
  type WarningCode,
} from "./lib/layer/mod.ts";
export type { TarLimits } from "./lib/codec/tar/mod.ts";
export type { Compression, CompressLimits } from "./lib/codec/compress/mod.ts";
export {
  type Fd,
  type Mount,
  performMount,
  type PerformMountOptions,
  performUnmount,
  type UnmountOptions,
} from "./lib/linux/mod.ts";
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
  type AddedImage,
  type BegunLayer,
  type BlobRecord,
  type Blobs,
  type ChainRecord,
  type Chains,
  type Collector,
  type Directories,
  type DiskStore,
  type Durability,
  type EnsureOptions,
  findImage,
  type Garbage,
  type GarbageKind,
  type GcBounds,
  type GcKnowledge,
  type GcOptions,
  type GcReport,
  type Holding,
  hostPlatform,
  type ImageArgument,
  type ImageRecord,
  type Images,
  type Ingest,
  type IngestResult,
  type LayerKey,
  type LayerOptions,
  type LayerReader,
  type LayerRecord,
  type Layers,
  type Lease,
  type Leases,
  type LostSnapshot,
  type Marks,
  type NameOptions,
  type OpenBlobOptions,
  openMemoryStore,
  type OpenOptions,
  openStore,
  type PlatformChoice,
  type Reached,
  readImage,
  type Reason,
  type RebuildReport,
  rebuildStore,
  type RemoveSnapshotOptions,
  type Settings,
  type SnapshotFacts,
  type SnapshotRow,
  type Snapshots,
  type SnapshotScope,
  type SnapshotTable,
  type SpareOptions,
  type StagedLayer,
  type Store,
  type StoredImage,
  type Thing,
  type TreeFile,
} from "./lib/store/mod.ts";
export type { DropReason, ExtractPolicy, ExtractReport, Usage } from "./lib/directory/mod.ts";
export {
  appendImage,
  compressImage,
  type CompressImageOptions,
  exportImage,
  type ExportOptions,
  type ImageOrigin,
  imageTree,
  type ImageTreeOptions,
  importImage,
  type ImportOptions,
  type LoadedImage,
  type LoadedLayer,
  type LoadOptions,
  type LoadProgress,
  mutateImage,
  type MutateOptions,
  type Mutation,
  type NewImageOptions,
  type NewLayerSource,
  openFile,
  type OpenFileOptions,
  rebaseImage,
  type RebaseOptions,
  squashImage,
} from "./lib/image/mod.ts";
export {
  type ArchiveInput,
  archiveOrigin,
  type LoadArchiveOptions,
  loadImages,
  saveImages,
  type SaveOptions,
  saveToDirectory,
  saveToFile,
} from "./lib/archive/mod.ts";
export {
  type BlobUpload,
  type Capability,
  type ClientChoice,
  type ClientConfig,
  type ClientOptions,
  copyImage,
  type CopyOptions,
  type CopySide,
  type Credential,
  defaultClientOptions,
  type Endpoint,
  type Environment,
  type FetchedDocument,
  type HelperEnvironment,
  loadClientConfig,
  type ManifestName,
  type ManifestUpload,
  type Proxies,
  pullImage,
  type PullOptions,
  type PushedImage,
  pushImage,
  type PushOptions,
  type PushProgress,
  RegistryClient,
  registryOrigin,
  type Token,
  type Tokens,
  type TransferOptions,
  type UploadOutcome,
} from "./lib/registry/mod.ts";
export {
  type RegistryServer,
  type ServedRequest,
  serveRegistry,
  type ServeRegistryOptions,
} from "./lib/registry_server/mod.ts";
export {
  type AdoptOptions,
  adoptSnapshot,
  type Ancestor,
  type CommitOptions,
  createSnapshotter,
  type Driver,
  type DriverName,
  type DriverRequest,
  type ExtractProgress,
  type KernelPart,
  type PrepareOptions,
  selectDriver,
  type SelectDriverOptions,
  type SnapshotInfo,
  type Snapshotter,
  type SnapshotterOptions,
} from "./lib/snapshot/mod.ts";
export {
  type CommitImageOptions,
  commitSnapshot,
  type CommittedImage,
  exportSnapshot,
  type ExportSnapshotOptions,
  importDirectory,
  type SnapshotLayerTree,
  type SnapshotTrees,
  snapshotTrees,
  type SnapshotTreesOptions,
} from "./lib/commit/mod.ts";
export {
  listMounts,
  type MountedImage,
  mountImage,
  type MountImageOptions,
  type MountRecord,
  unmountAll,
  type UnmountAllOptions,
  type UnmountedImage,
  unmountImage,
  type UnmountImageOptions,
  unpackImage,
  type UnpackOptions,
  type UnpackRemains,
} from "./lib/mount/mod.ts";
export {
  type BackupOptions,
  type BackupReport,
  backupStore,
  type CheckOptions,
  type CheckProgress,
  checkStore,
  collectGarbage,
  type CollectOptions,
  type CollectReport,
  type DiskUsage,
  diskUsage,
  type DiskUsageOptions,
  type DroppedImage,
  type Explanation,
  type Finding,
  type FindingKind,
  type GcFate,
  type ImageUsage,
  type LayerUsage,
  type LeaseState,
  leaseStates,
  protect,
  type ProtectOptions,
  type PrunedContainer,
  type PruneFilter,
  type PruneOptions,
  type PruneReport,
  pruneStore,
  type Remedy,
  type RepairOptions,
  type RepairReport,
  repairStore,
  type UsageRow,
  type UsageType,
  verifyImage,
  whyKept,
} from "./lib/upkeep/mod.ts";
