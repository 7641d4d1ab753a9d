import type { ChainId, DiffId, Digest } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import { chainId as chainIdOf, chainIds } from "../../../layer/mod.ts";
import { type Descriptor, descriptorToJson, jsonText, platformToJson } from "../../../oci/mod.ts";
import { attempt } from "../../attempt.ts";
import { diffIdsOfChain } from "../../chain_walk.ts";
import type { Chains, Images, NameOptions, SpareOptions } from "../../contract.ts";
import type { ChainRecord, ImageRecord } from "../../records.ts";
import {
  checkImageName,
  checkPrevious,
  keptTarget,
  namelessImage,
  notFound,
  replacedName,
} from "../../rules.ts";
import { checkWritable, countUp, type Disk, freeingTransaction } from "../context.ts";
import { refreshIndex } from "../layout_index.ts";
import { imagesOf } from "../parts/images_of.ts";
import { arePartsNoted, noteMissingParts } from "../parts/parts.ts";
import type { Database } from "./database.ts";
import { type ChainRow, type ImageRow, toChain, toImage } from "./records.ts";

/** The chains of a disk store. */
export class DiskChains implements Chains {
  readonly #disk: Disk;

  /** Works on an open store. */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  get(chainId: ChainId): ChainRecord | undefined {
    const row = this.#disk.db.get<ChainRow>("SELECT * FROM chain WHERE chain_id = ?", chainId);
    return row === undefined ? undefined : toChain(row);
  }

  diffIds(chainId: ChainId): DiffId[] {
    return this.#disk.db.read(() => diffIdsOfChain(chainId, (id) => this.get(id)));
  }

  ensure(diffIds: readonly DiffId[]): ChainId {
    // Each mount asks. A chain that is noted has its layers: gc removes it before them.
    const chainId = chainIds(diffIds).at(-1);
    if (chainId !== undefined && this.get(chainId) !== undefined) return chainId;
    checkWritable(this.#disk, "note a chain");
    return this.#disk.db.transact(() => insertChain(this.#disk.db, diffIds));
  }

  list(): ChainRecord[] {
    return this.#disk.db.all<ChainRow>("SELECT * FROM chain ORDER BY chain_id").map(toChain);
  }
}

/** Notes a chain, inside a transaction. @throws {VarveError} `E_PRECONDITION` */
export function insertChain(db: Database, diffIds: readonly DiffId[]): ChainId {
  let parent: ChainId | null = null;
  for (const diffId of diffIds) {
    if (db.get("SELECT 1 FROM layer WHERE diff_id = ?", diffId) === undefined) {
      throw new VarveError(
        "E_PRECONDITION",
        `Cannot note a chain: the store does not hold layer ${diffId}`,
        {
          subject: diffId,
        },
      );
    }
    const chainId: ChainId = chainIdOf(parent, diffId);
    db.run("INSERT OR IGNORE INTO chain VALUES (?, ?, ?, NULL)", chainId, diffId, parent);
    parent = chainId;
  }
  if (parent === null) throw new RangeError("Cannot note a chain: it has no layers");
  return parent;
}

/** The image names of a disk store. Each change is followed by a new `index.json`. */
export class DiskImages implements Images {
  readonly #disk: Disk;

  /** Works on an open store. */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  get(name: string): ImageRecord | undefined {
    const row = this.#disk.db.get<ImageRow>("SELECT * FROM image WHERE name = ?", name);
    return row === undefined ? undefined : toImage(row);
  }

  set(name: string, target: Descriptor, options: NameOptions = {}): ImageRecord {
    const { db } = this.#disk;
    checkWritable(this.#disk, "name an image");
    const record = db.transact(() => {
      const record = putImage(db, name, target, options);
      countUp(db, "images");
      return record;
    });
    refreshIndex(this.#disk);
    return record;
  }

  remove(name: string): void {
    if (this.removeAll([name]).length === 0) throw notFound("image", name);
  }

  removeAll(names: readonly string[], { spare = false }: SpareOptions = {}): string[] {
    const { db } = this.#disk;
    const removed = freeingTransaction(this.#disk, "remove an image name", () => {
      const sql = "DELETE FROM image WHERE name = ? AND spare >= ?";
      const here = names.filter((name) => db.run(sql, name, spare ? 1 : 0) > 0);
      if (here.length > 0) countUp(db, "images");
      return here;
    });
    if (removed.length > 0) refreshIndex(this.#disk, removed);
    return removed;
  }

  list(): ImageRecord[] {
    return this.#disk.db.all<ImageRow>("SELECT * FROM image ORDER BY name").map(toImage);
  }

  candidates(prefix: string): ImageRecord[] {
    const { db } = this.#disk;
    return this.#knowsParts() ? imagesOf(db, prefix).map(toImage) : this.list();
  }

  /** Whether it is known what all documents name. It is noted now if it was not, and the store can be written. */
  #knowsParts(): boolean {
    const { db, readOnly } = this.#disk;
    if (arePartsNoted(db)) return true;
    if (readOnly || db.isCopy) return false;
    return attempt(() => noteMissingParts(this.#disk)) === true;
  }
}

/** Whether an image has a name. */
const NAMED = "SELECT 1 FROM image WHERE digest = ?";

/** Points a name at a target, inside a transaction. @throws {VarveError} `E_NOT_FOUND`, `E_BUSY` */
export function putImage(
  db: Database,
  name: string,
  target: Descriptor,
  options: NameOptions = {},
): ImageRecord {
  const { spare = false, platform, replaces = false } = options;
  checkImageName(name);
  const digest: Digest = target.digest;
  if (db.get("SELECT 1 FROM blob WHERE digest = ?", digest) === undefined) {
    throw notFound("blob", digest);
  }
  const now = Date.now();
  const before = db.get<ImageRow>("SELECT * FROM image WHERE name = ?", name);
  checkPrevious(name, before?.digest, options);
  db.run(
    `INSERT INTO image VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
     SET digest = excluded.digest, target = excluded.target, updated_at = excluded.updated_at,
     spare = min(spare, excluded.spare), platform = excluded.platform`,
    name,
    digest,
    jsonText(descriptorToJson(keptTarget(target))),
    now,
    now,
    spare ? 1 : 0,
    platform === undefined ? null : jsonText(platformToJson(platform)),
  );
  const nameless = replacedName(name, digest, spare);
  if (nameless !== undefined) db.run("DELETE FROM image WHERE name = ?", nameless);
  if (before !== undefined && !replaces) keepReplaced(db, before, now);
  // Triggers count the names that are removed.
  if (before !== undefined && db.get(NAMED, before.digest) === undefined) countUp(db, "due");
  return toImage(db.get<ImageRow>("SELECT * FROM image WHERE name = ?", name) as ImageRow);
}

/** Keeps the image that lost its last name as `<none>@<digest>`. A spare name kept nothing for a user. */
function keepReplaced(db: Database, before: ImageRow, now: number): void {
  const { digest, target, created_at, platform, spare } = before;
  if (spare === 1 || db.get(NAMED, digest) !== undefined) return;
  db.run(
    "INSERT INTO image VALUES (?, ?, ?, ?, ?, 0, ?)",
    namelessImage(digest as Digest),
    digest,
    target,
    created_at,
    now,
    platform,
  );
}
