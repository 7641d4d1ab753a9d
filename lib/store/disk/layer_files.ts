import { algorithmOf, type DiffId, type Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { LayerJobOutput, LayerTarget } from "../../layer_job/mod.ts";
import { guarded } from "../../linux/mod.ts";
import type { LayerKey } from "../contract.ts";
import type { LayerRecord } from "../records.ts";
import { findLayer } from "../rules.ts";
import type { LayerBackend, LayerRoom } from "../staging/layer_staging.ts";
import { finishedLayer } from "../staging/staged.ts";
import { blobRow, layerRowOfBlob, provedLayerRow } from "./content.ts";
import { type Disk, takeLock } from "./context.ts";
import { hasSize, isBlobWhole, isLayerWhole } from "./damage.ts";
import { type LayerRow, toLayer } from "./database/records.ts";
import type { IngestHolds } from "./gc/holds.ts";
import { layerLock } from "./ingest_names.ts";
import { type KeptBytes, openKept } from "./kept_bytes.ts";
import type { FileLock } from "./lock.ts";
import { LAYER_FILES } from "./names.ts";
import { adopt, offer, withdraw } from "./offers.ts";
import type { StagedFile, StagedFiles } from "./staged.ts";
import { lstatOrNothing, makeDirectory, removeAll } from "./system.ts";

/** Mode of the files in a layer's directory, which are never written again. */
const FILE_MODE = 0o444;

/** Stages layers as directories in the directory of an ingest. */
export class DiskLayerBackend implements LayerBackend<StagedFiles> {
  readonly #disk: Disk;
  readonly #fresh: () => string;
  readonly #holds: IngestHolds;

  /** `fresh` returns a new path in the ingest's directory. */
  constructor(disk: Disk, fresh: () => string, holds: IngestHolds) {
    this.#disk = disk;
    this.#fresh = fresh;
    this.#holds = holds;
  }

  async lock(
    names: readonly Digest[],
    signal: AbortSignal | undefined,
  ): Promise<() => Promise<void>> {
    const locks: FileLock[] = [];
    const unlock = async () => {
      for (const lock of locks.toReversed()) await this.#disk.owner.tidy(() => lock.remove());
    };
    try {
      for (const name of names) {
        const path = layerLock(this.#disk.paths, name);
        locks.push(
          await guarded(
            `lock layer ${name}`,
            () => takeLock(this.#disk, path, { signal, what: `makes layer ${name}` }),
          ),
        );
      }
    } catch (error) {
      await unlock();
      throw error;
    }
    return unlock;
  }

  async hold(digests: readonly Digest[]): Promise<void> {
    await guarded("hold layers", () => this.#holds.add(digests));
  }

  findCommitted(key: LayerKey, wantsBlob: boolean): LayerRecord | undefined {
    const disk = this.#disk;
    // Ignore a row of an old store whose key is a SHA-512. If it counted, the layer would never get
    // a row under its SHA-256.
    const ifWhole = (row: LayerRow | undefined) =>
      row !== undefined && algorithmOf(row.diff_id as DiffId) === "sha256" &&
        isLayerWhole(disk, row)
        ? toLayer(row)
        : undefined;
    const record = findLayer(
      key,
      (diffId) => ifWhole(provedLayerRow(disk, diffId)),
      (digest) => ifWhole(layerRowOfBlob(disk, digest)),
    );
    if (record === undefined || !wantsBlob || key.digest === undefined) return record;
    if (key.digest === record.diffId) return record;
    const blob = blobRow(disk, key.digest);
    return blob !== undefined && isBlobWhole(disk, blob) ? record : undefined;
  }

  adopt(name: Digest): Promise<StagedFiles | "moving" | "none"> {
    const directory = this.#fresh();
    return guarded("take a finished layer", () => adopt(this.#disk.paths, name, directory));
  }

  async open(keep: Digest | undefined): Promise<LayerRoom<StagedFiles>> {
    const { owner, paths } = this.#disk;
    const directory = this.#fresh();
    const kept = await guarded("stage a layer", async () => {
      await makeDirectory(directory);
      return keep === undefined ? null : await openKept(paths, keep);
    });
    return {
      target: targetOf(directory, kept),
      kept: kept?.size ?? 0,
      take: (output, mediaType) =>
        guarded("keep a layer", async () => {
          if (kept !== null) await takeKept(kept, directory, output);
          return await stagedFiles(directory, output, mediaType);
        }),
      remove: async (options) => {
        if (options.kept && kept !== null) await owner.tidy(() => removeAll(kept.path));
        await owner.tidy(() => removeAll(directory));
      },
    };
  }

  async offer(layer: StagedFiles): Promise<void> {
    const { owner, paths } = this.#disk;
    await guarded("keep a layer", () => offer(paths, owner.id, layer));
  }

  async withdraw(layer: StagedFiles): Promise<void> {
    const { owner, paths } = this.#disk;
    await owner.tidy(() => withdraw(paths, layer));
  }
}

function targetOf(directory: string, kept: KeptBytes | null): LayerTarget {
  return {
    kind: "files",
    tar: `${directory}/${LAYER_FILES.tar}`,
    tree: `${directory}/${LAYER_FILES.tree}`,
    blob: kept?.path ?? `${directory}/${LAYER_FILES.blob}`,
    kept: kept?.size,
  };
}

/**
 * Links the kept file to the path where the job would have written the bytes. The file keeps its
 * old name too, until the commit.
 */
async function takeKept(
  { path }: KeptBytes,
  directory: string,
  { compression }: LayerJobOutput,
): Promise<void> {
  const name = compression === "none" ? LAYER_FILES.tar : LAYER_FILES.blob;
  const to = `${directory}/${name}`;
  if (await lstatOrNothing(to) === undefined) await Deno.link(path, to);
}

async function stagedFiles(
  directory: string,
  output: LayerJobOutput,
  mediaType: string,
): Promise<StagedFiles> {
  await closeFile(`${directory}/${LAYER_FILES.tar}`, output.uncompressedSize);
  const treeSize = await closeFile(`${directory}/${LAYER_FILES.tree}`);
  const blob = await stagedBlob(directory, output, mediaType);
  return { ...finishedLayer(output), treeSize, treeSum: output.treeSum, directory, blob };
}

/**
 * The blob of a finished job: a separate file if it is compressed, otherwise a hard link to the
 * tar.
 */
async function stagedBlob(
  directory: string,
  output: LayerJobOutput,
  mediaType: string,
): Promise<StagedFile | null> {
  const path = `${directory}/${LAYER_FILES.blob}`;
  const { digest, size } = output;
  if (await lstatOrNothing(path) !== undefined) {
    await closeFile(path, size);
  } else {
    if (output.compression !== "none") return null;
    await Deno.link(`${directory}/${LAYER_FILES.tar}`, path);
  }
  return { digest, size, mediaType, path };
}

/** Checks the size of a file that a job wrote, and makes it read-only; returns its size. */
async function closeFile(path: string, expected?: number): Promise<number> {
  const size = (await lstatOrNothing(path))?.size ?? -1;
  if (size < 0 || (expected !== undefined && !hasSize(path, expected))) {
    throw new VarveError(
      "E_SIZE",
      `Cannot keep ${path}: its size differs from what its job reports`,
      {
        actual: size,
        expected,
      },
    );
  }
  await Deno.chmod(path, FILE_MODE);
  return size;
}
