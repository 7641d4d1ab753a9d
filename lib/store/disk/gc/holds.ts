import type { DiffId, Digest } from "../../../digest/mod.ts";
import { fileErrno } from "../../../linux/mod.ts";
import { blobRow, layerRow, layerRowOfBlob, namedLayerRow } from "../content.ts";
import { type Disk, shareStoreLock } from "../context.ts";
import { removedMeanwhile } from "../damage.ts";
import type { LayerRow } from "../database/records.ts";
import { isOwnerId } from "../ingest_names.ts";
import type { Paths } from "../paths.ts";

/**
 * What open ingests asked the store for: the file `ingest/<owner>/<ingest>/holds`, with one digest in each line. It
 * ends with the directory of the ingest. It is not synced, because no ingest survives a loss of power.
 */
const HOLDS = "holds";

/** Digests that an ingest holds. */
export interface Hold {
  /** The directory of the ingest, relative to `ingest/`. */
  readonly ingest: string;
  readonly digests: readonly Digest[];
}

/** What one ingest holds. */
export class IngestHolds {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #held = new Set<Digest>();
  readonly #blobs = new Set<Digest>();
  readonly #layers = new Set<string>();

  /** Holds nothing yet. `directory` is that of the ingest. */
  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#path = `${directory}/${HOLDS}`;
  }

  /**
   * Keeps blobs and layers from gc. It waits while gc removes a batch, so a later look into the store finds only what
   * stays.
   */
  async add(digests: readonly Digest[]): Promise<void> {
    const fresh = digests.filter((digest) => !this.#held.has(digest));
    if (fresh.length === 0) return;
    using _ = await shareStoreLock(this.#disk);
    const text = fresh.map((digest) => `${digest}\n`).join("");
    await Deno.writeTextFile(this.#path, text, { append: true, mode: 0o600 });
    for (const digest of fresh) {
      this.#held.add(digest);
      if (blobRow(this.#disk, digest) !== undefined) this.#blobs.add(digest);
      for (const row of layersOf(this.#disk, digest)) this.#layers.add(row.diff_id);
    }
  }

  /**
   * Looks again for what was there when it was held, inside the transaction of a commit.
   *
   * @throws {VarveError} `E_BUSY` something was removed meanwhile
   */
  check(): void {
    for (const digest of this.#blobs) {
      if (blobRow(this.#disk, digest) === undefined) {
        throw removedMeanwhile("commit", `blob ${digest}`);
      }
    }
    for (const diffId of this.#layers) {
      if (layerRow(this.#disk, diffId as DiffId) === undefined) {
        throw removedMeanwhile("commit", `layer ${diffId}`);
      }
    }
  }
}

/** The layers that a digest names: by their diffID, by another proved diffID, or by their blob. */
export function layersOf(disk: Disk, digest: Digest): LayerRow[] {
  const rows = [namedLayerRow(disk, digest as DiffId), layerRowOfBlob(disk, digest)];
  return rows.filter((row) => row !== undefined);
}

/** Reads what all ingests hold, in one synchronous step, because a transaction waits for it. */
export function readHolds({ ingest }: Paths): Hold[] {
  const holds: Hold[] = [];
  for (const owner of directoriesIn(ingest)) {
    if (!isOwnerId(owner)) continue;
    for (const name of directoriesIn(`${ingest}/${owner}`)) {
      const text = textOf(`${ingest}/${owner}/${name}/${HOLDS}`);
      const digests = text.split("\n").filter((line) => line !== "") as Digest[];
      if (digests.length > 0) holds.push({ ingest: `${owner}/${name}`, digests });
    }
  }
  return holds;
}

/** Names of directories; none when the directory was removed meanwhile. */
function directoriesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].filter((entry) => entry.isDirectory).map(({ name }) => name);
  } catch (error) {
    if (fileErrno(error) === "ENOENT") return [];
    throw error;
  }
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (fileErrno(error) === "ENOENT" || fileErrno(error) === "ENOTDIR") return "";
    throw error;
  }
}
