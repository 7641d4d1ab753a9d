/** Stores with layers and snapshotters over them, and mounts that end with their scope. */
import { fromText } from "../../../lib/bytes/mod.ts";
import { type ChainId, type DiffId, parseDigest } from "../../../lib/digest/mod.ts";
import { chainIds } from "../../../lib/layer/mod.ts";
import { layerJob } from "../../../lib/layer_job/internal.ts";
import { type Mount, performMount, performUnmount } from "../../../lib/linux/mod.ts";
import { createPool, type Pool } from "../../../lib/pool/mod.ts";
import {
  createSnapshotter,
  type Driver,
  type DriverName,
  selectDriver,
  type Snapshotter,
} from "../../../lib/snapshot/mod.ts";
import {
  type DiskStore,
  type ImageRecord,
  openStore,
  readImage,
  type SnapshotScope,
  type Store,
  type StoredImage,
} from "../../../lib/store/mod.ts";
import { buildImage } from "../images/images.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";
import { type TarFixture, tarOf } from "../tar/tar_fixture.ts";

/** The drivers that are tested. */
export const DRIVER_NAMES: readonly DriverName[] = ["erofs", "overlay", "native"];

/** A file system in memory. */
export const TMPFS: Mount = { type: "tmpfs", source: fromText("tmpfs"), options: [] };

/** A store with a snapshotter over it. */
export interface SnapshotFixture extends AsyncDisposable {
  readonly temp: TempDir;
  readonly store: DiskStore;
  readonly pool: Pool;
  readonly driver: Driver;
  readonly snapshotter: Snapshotter;
  /** Names of the jobs that the pool has run, in their order. */
  readonly jobs: string[];
  /** A second snapshotter over the same store, as after a restart. */
  reopen(): Snapshotter;
  /** Stores layers, the lowest first, and their chain. */
  chain(layers: readonly LayerFixture[]): Promise<Chain>;
  /** Mounts at a new directory. */
  mount(mounts: readonly Mount[]): Promise<MountPoint>;
}

/** A layer as entries or as a tar. */
export type LayerFixture = readonly TarFixture[] | Uint8Array<ArrayBuffer>;

/** Layers of a store that lie on each other. */
export interface Chain {
  readonly chainId: ChainId;
  readonly diffIds: readonly DiffId[];
}

/** A mounted directory; dispose unmounts it. */
export interface MountPoint extends AsyncDisposable {
  readonly path: string;
}

/** How a fixture is set up. */
export interface FixtureOptions {
  /** Number of workers; jobs run inline when absent, which is fast for small layers. */
  readonly workers?: number;
  /** Name of the store's directory. */
  readonly root?: string;
  readonly durability?: "full" | "none";
  /** Whether all files are in memory, for many small cases (user attributes there need Linux 6.6). */
  readonly inMemory?: boolean;
  /** The clock, in microseconds. */
  readonly now?: () => number;
  /** Whose snapshots they are; those of containerd's scope leave work for later, as `serve` does. */
  readonly scope?: SnapshotScope;
}

/** Makes a store in a temporary directory, with a snapshotter over it. */
export async function snapshotFixture(
  name: DriverName,
  options: FixtureOptions = {},
): Promise<SnapshotFixture> {
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir("varve-snapshot-"));
  if (options.inMemory) stack.use(await mountAt([TMPFS], temp.path));
  const store = stack.use(
    await openStore({
      root: temp.join(options.root ?? "store"),
      durability: options.durability ?? "none",
    }),
  );
  const { workers } = options;
  const inner = stack.use(createPool(workers === undefined ? { inline: true } : { workers }));
  const jobs: string[] = [];
  const pool = counting(inner, jobs);
  const driver = selectDriver(store, { pool, wanted: name });
  const { now, scope } = options;
  const more = { now, scope, later: scope === "containerd" };
  const snapshotter = createSnapshotter(store, { driver, ...more });
  const owned = stack.move();
  let mounted = 0;
  return {
    temp,
    store,
    pool,
    driver,
    snapshotter,
    jobs,
    reopen: () =>
      createSnapshotter(store, { driver: selectDriver(store, { pool, wanted: name }), ...more }),
    chain: (layers) => bringChain(store, pool, layers),
    mount: (mounts) => mountAt(mounts, temp.join(`mnt-${++mounted}`)),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

function counting(pool: Pool, jobs: string[]): Pool {
  return {
    size: pool.size,
    inline: pool.inline,
    get running() {
      return pool.running;
    },
    get waiting() {
      return pool.waiting;
    },
    prepare: (entry) => pool.prepare(entry),
    run(job, input, options) {
      jobs.push(job.name);
      return pool.run(job, input, options);
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/** Mounts at a directory, which is made if it is missing. */
export async function mountAt(mounts: readonly Mount[], path: string): Promise<MountPoint> {
  await Deno.mkdir(path, { recursive: true });
  for (const mount of mounts) performMount(mount, fromText(path));
  return {
    path,
    [Symbol.asyncDispose](): Promise<void> {
      for (const _ of mounts) performUnmount(fromText(path), { lazy: true });
      return Promise.resolve();
    },
  };
}

/** Stores layers by the layer job, the lowest first, and their chain. */
export async function bringChain(
  store: Store,
  pool: Pool,
  layers: readonly LayerFixture[],
): Promise<Chain> {
  await using ingest = await store.ingest();
  const diffIds: DiffId[] = [];
  for (const layer of layers) {
    const tar = layer instanceof Uint8Array ? layer : tarOf(layer);
    const staged = await ingest.newLayer();
    const output = await pool.run(layerJob, {
      source: { kind: "stream" },
      target: staged.target,
      expected: {},
    }, { stream: once(tar) });
    await staged.finish(output, "application/vnd.oci.image.layer.v1.tar");
    diffIds.push(output.diffId);
  }
  ingest.chain(diffIds);
  await ingest.commit();
  return { chainId: chainIds(diffIds).at(-1) as ChainId, diffIds };
}

/** Brings an image with uncompressed layers into a store, and reads it back. */
export async function bringImage(
  store: Store,
  pool: Pool,
  name: string,
  layers: readonly LayerFixture[],
): Promise<StoredImage> {
  const built = buildImage({ name, layers, packing: "none" });
  if (layers.length > 0) await bringChain(store, pool, layers);
  await using ingest = await store.ingest();
  for (const { digest } of built.layers.map(({ descriptor }) => descriptor)) {
    await ingest.layer({ digest: parseDigest(digest), diffId: parseDigest(digest) as DiffId });
  }
  await ingest.blob(built.config, "application/vnd.oci.image.config.v1+json");
  const target = await ingest.blob(built.manifest, built.descriptor.mediaType);
  ingest.image(name, target);
  const { images: [record] } = await ingest.commit();
  return await readImage(store, record as ImageRecord);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}
