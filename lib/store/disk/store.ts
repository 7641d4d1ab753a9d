import type {
  Blobs,
  Chains,
  Images,
  Ingest,
  Layers,
  Leases,
  Settings,
  Store,
} from "../contract.ts";
import type { Pool } from "../../pool/mod.ts";
import type { Snapshots } from "../snapshot_table.ts";
import type { Directories } from "../disk_directories.ts";
import type { DiskStore } from "../disk_store.ts";
import type { Collector } from "../garbage.ts";
import { DiskDirectories } from "./cache_directories.ts";
import { DiskBlobs, DiskLayers } from "./content.ts";
import type { Disk } from "./context.ts";
import type { LayerRow } from "./database/records.ts";
import { DiskLeases, DiskSettings } from "./database/lease_rows.ts";
import { DiskChains, DiskImages } from "./database/rows.ts";
import { DiskSnapshots } from "./database/snapshot_rows.ts";
import { prepareTree } from "./derived/tree_version.ts";
import { DiskCollector } from "./gc/collector.ts";
import { beginIngest } from "./ingest.ts";
import type { Durability } from "./options.ts";
import { moveBarrier } from "./recheck.ts";

/** What is behind each open disk store, for other files of this room. */
const disks = new WeakMap<Store, Disk>();

/**
 * What is behind an open disk store, for the upkeep of the store.
 *
 * @throws {TypeError} when the store is not a disk store of this module
 */
export function diskOf(store: Store): Disk {
  const disk = disks.get(store);
  if (disk === undefined) throw new TypeError("Cannot look behind a store: it is not a disk store");
  return disk;
}

/** An open disk store; see {@linkcode DiskStore}. */
export class OpenDiskStore implements DiskStore {
  readonly root: string;
  readonly durability: Durability;
  readonly blobs: Blobs;
  readonly layers: Layers;
  readonly chains: Chains;
  readonly images: Images;
  readonly snapshots: Snapshots;
  readonly leases: Leases;
  readonly settings: Settings;
  readonly directories: Directories;
  readonly collector: Collector;
  readonly #disk: Disk;
  readonly #ingests = new Set<Ingest>();
  #ingested = false;
  #open = true;

  /** Takes ownership of a store that was opened and healed. */
  constructor(disk: Disk) {
    this.#disk = disk;
    disks.set(this, disk);
    this.root = disk.paths.root;
    this.durability = disk.syncer.durability;
    this.blobs = new DiskBlobs(disk);
    const prepare = (row: LayerRow, pool?: Pool) =>
      prepareTree(disk, () => this.ingest(), row, pool);
    this.layers = new DiskLayers(disk, prepare);
    this.chains = new DiskChains(disk);
    this.images = new DiskImages(disk);
    this.snapshots = new DiskSnapshots(disk);
    this.leases = new DiskLeases(disk);
    this.settings = new DiskSettings(disk);
    this.directories = new DiskDirectories(disk, prepare);
    this.collector = new DiskCollector(disk);
  }

  async ingest(): Promise<Ingest> {
    const ingest = await beginIngest(this.#disk, (done) => this.#ingests.delete(done));
    this.#ingests.add(ingest);
    this.#ingested = true;
    return ingest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    try {
      for (const ingest of [...this.#ingests]) await ingest[Symbol.asyncDispose]();
      await this.directories.removed();
      if (this.#ingested && this.durability === "full") {
        // If this fails, the next start only checks more than necessary.
        await this.#disk.owner.tidy(() => moveBarrier(this.#disk));
      }
      await this.#disk.owner.end();
    } finally {
      this.#disk.db[Symbol.dispose]();
      if (this.#disk.room.isGivenUp) this.#disk.room.keep();
    }
  }
}
