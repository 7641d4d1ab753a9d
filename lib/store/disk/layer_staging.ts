import type { DiffId, Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { LayerJobOutput } from "../../layer_job/mod.ts";
import { guarded } from "../../linux/mod.ts";
import type { BegunLayer, LayerKey, LayerOptions, LayerRecord, StagedLayer } from "../contract.ts";
import { findLayer, lockNames } from "../rules.ts";
import { checkOutput, hasDirtyPadding, isLayerOf } from "../staging_rules.ts";
import { blobRow, layerRow, layerRowOfBlob } from "./content.ts";
import { type Disk, takeLock } from "./context.ts";
import { hasSize, isBlobWhole, isLayerWhole } from "./damage.ts";
import { toLayer } from "./database/records.ts";
import { layerLock } from "./ingest_names.ts";
import { type KeptBytes, openKept } from "./kept_bytes.ts";
import type { FileLock } from "./lock.ts";
import { LAYER_FILES } from "./names.ts";
import { adopt, offer, withdraw } from "./offers.ts";
import { provisional, type StagedBlob, type StagedFiles } from "./staged.ts";
import { lstatOrNothing, makeDirectory, removeAll } from "./system.ts";

/** Mode of what a layer's directory holds: nobody writes it again. */
const FILE_MODE = 0o444;
/** How often, and with which waits in ms, to look for what another is just committing. */
const MOVING_TRIES = 400;
const MOVING_WAIT = 5;

/** The layers of one ingest. */
export class LayerStaging {
  /** Finished, in the order in which they were. */
  readonly made: StagedFiles[] = [];
  /** Every layer that was asked for. */
  readonly asked: DiffId[] = [];
  /** Layers whose tar is wanted as a blob. */
  readonly plain: Set<DiffId> = new Set();
  readonly #disk: Disk;
  readonly #fresh: () => string;
  readonly #making = new Set<() => Promise<void>>();
  #ended = false;

  /** `fresh` gives paths in the ingest's directory. */
  constructor(disk: Disk, fresh: () => string) {
    this.#disk = disk;
    this.#fresh = fresh;
  }

  /** How many are being made. */
  get making(): number {
    return this.#making.size;
  }

  /** Begins a layer. */
  async begin(key: LayerKey, options: LayerOptions): Promise<BegunLayer> {
    const locks = await this.#lock(lockNames(key), options.signal);
    try {
      const record = await this.#find(key, options);
      if (record !== undefined) {
        this.asked.push(record.diffId);
        if (key.digest === record.diffId) this.plain.add(record.diffId);
        await this.#free(locks);
        return { state: "present", record };
      }
      return { state: "new", staged: await this.#stage(key, options, locks) };
    } catch (error) {
      await this.#free(locks);
      throw error;
    }
  }

  /** Begins a layer that no key names. */
  async beginNew(): Promise<StagedLayer> {
    return await this.#stage({}, {}, []);
  }

  /** Gives everything up. */
  async end(): Promise<void> {
    this.#ended = true;
    const { owner, paths } = this.#disk;
    for (const suspend of [...this.#making]) await owner.tidy(suspend);
    for (const staged of this.made) await owner.tidy(() => withdraw(paths, staged));
  }

  async #lock(names: readonly Digest[], signal: AbortSignal | undefined): Promise<FileLock[]> {
    const locks: FileLock[] = [];
    try {
      for (const name of names) {
        const path = layerLock(this.#disk.paths, name);
        const options = { signal };
        locks.push(await guarded(`lock layer ${name}`, () => takeLock(this.#disk, path, options)));
      }
    } catch (error) {
      await this.#free(locks);
      throw error;
    }
    return locks;
  }

  async #free(locks: readonly FileLock[]): Promise<void> {
    for (const lock of locks.toReversed()) {
      await this.#disk.owner.tidy(() => lock.remove());
    }
  }

  /** Looks in the store, in this ingest, and at what others offer, under the layer's locks. */
  async #find(key: LayerKey, options: LayerOptions): Promise<LayerRecord | undefined> {
    for (let attempt = 0; attempt < MOVING_TRIES; attempt++) {
      options.signal?.throwIfAborted();
      this.#check();
      const record = this.#findCommitted(key, options.blob === true);
      if (record !== undefined) return record;
      const staged = await this.#findOffered(key, options.blob === true);
      if (staged === "none") return undefined;
      if (staged !== "moving") return provisional(staged);
      await new Promise((resolve) => setTimeout(resolve, MOVING_WAIT));
    }
    return undefined;
  }

  #findCommitted(key: LayerKey, wantsBlob: boolean): LayerRecord | undefined {
    const disk = this.#disk;
    const find = (row: ReturnType<typeof layerRow>) =>
      row !== undefined && isLayerWhole(disk, row) ? toLayer(row) : undefined;
    const record = findLayer(
      key,
      (diffId) => find(layerRow(disk, diffId)),
      (digest) => find(layerRowOfBlob(disk, digest)),
    );
    if (record === undefined || !wantsBlob || key.digest === undefined) return record;
    if (key.digest === record.diffId) return record;
    const blob = blobRow(disk, key.digest);
    return blob !== undefined && isBlobWhole(disk, blob) ? record : undefined;
  }

  async #findOffered(key: LayerKey, wantsBlob: boolean): Promise<StagedFiles | "moving" | "none"> {
    const fits = (staged: StagedFiles) => isLayerOf(key, staged, wantsBlob);
    const own = this.made.find(fits);
    if (own !== undefined) return own;
    const names: Digest[] = key.digest === undefined ? [] : [key.digest];
    if (key.diffId !== undefined && !wantsBlob) names.push(key.diffId);
    for (const name of names) {
      const directory = this.#fresh();
      const found = await guarded(
        "take a finished layer",
        () => adopt(this.#disk.paths, name, directory),
      );
      if (found === "moving") return found;
      if (found === "none") continue;
      this.made.push(found);
      if (fits(found)) return found;
    }
    return "none";
  }

  async #stage(
    key: LayerKey,
    { keep = false }: LayerOptions,
    locks: FileLock[],
  ): Promise<StagedLayer> {
    this.#check();
    const { owner, paths } = this.#disk;
    const { digest } = key;
    const directory = this.#fresh();
    const kept = await guarded("stage a layer", async () => {
      await makeDirectory(directory);
      return keep && digest !== undefined ? await openKept(paths, digest) : null;
    });
    const end = async () => {
      this.#making.delete(suspend);
      await this.#free(locks);
    };
    const suspend = async () => {
      if (!this.#making.has(suspend)) return;
      await owner.tidy(() => removeAll(directory));
      await end();
    };
    const discard = async () => {
      if (!this.#making.has(suspend)) return;
      if (kept !== null) await owner.tidy(() => removeAll(kept.path));
      await suspend();
    };
    this.#making.add(suspend);
    return {
      target: {
        kind: "files",
        tar: `${directory}/${LAYER_FILES.tar}`,
        tree: `${directory}/${LAYER_FILES.tree}`,
        blob: kept?.path ?? `${directory}/${LAYER_FILES.blob}`,
        ...(kept === null ? {} : { kept: kept.size }),
      },
      kept: kept?.size ?? 0,
      finish: async (output, mediaType) => {
        if (!this.#making.has(suspend)) {
          throw new TypeError("Cannot finish layer: it was finished or given up");
        }
        await guarded("keep a layer", async () => {
          if (kept !== null) await takeKept(kept, directory, output);
          await this.#finish(key, directory, output, mediaType);
        });
        await end();
      },
      discard,
      suspend,
    };
  }

  async #finish(
    key: LayerKey,
    directory: string,
    output: LayerJobOutput,
    mediaType: string,
  ): Promise<void> {
    checkOutput(key, output);
    const { diffId, digest, treeDigest, treeSum, entries } = output;
    const tar = `${directory}/${LAYER_FILES.tar}`;
    const tree = `${directory}/${LAYER_FILES.tree}`;
    const size = await sizeOf(tar, output.uncompressedSize);
    const treeSize = await sizeOf(tree);
    const blob = await stagedBlob(directory, output, mediaType);
    const staged = {
      diffId,
      digest,
      size,
      treeDigest,
      treeSize,
      treeSum,
      entries,
      dirtyPadding: hasDirtyPadding(output),
      directory,
      blob,
    };
    this.#check();
    this.asked.push(diffId);
    this.made.push(staged);
    await offer(this.#disk.paths, this.#disk.owner.id, staged);
  }

  #check(): void {
    if (this.#ended) throw new VarveError("E_PRECONDITION", "Cannot ingest: it is done with");
  }
}

/** Links what was kept to where the job would have written it: it stays under its own name until the commit. */
async function takeKept(
  { path }: KeptBytes,
  directory: string,
  { compression }: LayerJobOutput,
): Promise<void> {
  const name = compression === "none" ? LAYER_FILES.tar : LAYER_FILES.blob;
  const to = `${directory}/${name}`;
  if (await lstatOrNothing(to) === undefined) await Deno.link(path, to);
}

/** The blob of a job: a file of its own when the bytes are compressed, else the tar under another name. */
async function stagedBlob(
  directory: string,
  output: LayerJobOutput,
  mediaType: string,
): Promise<StagedBlob | null> {
  const path = `${directory}/${LAYER_FILES.blob}`;
  const { digest, size } = output;
  if (await lstatOrNothing(path) !== undefined) {
    await sizeOf(path, size);
  } else {
    if (output.compression !== "none") return null;
    await Deno.link(`${directory}/${LAYER_FILES.tar}`, path);
  }
  return { digest, size, mediaType, path };
}

/** Judges a file that a job wrote, and closes it to writers; gives its size. */
async function sizeOf(path: string, expected?: number): Promise<number> {
  const size = (await lstatOrNothing(path))?.size ?? -1;
  if (size < 0 || (expected !== undefined && !hasSize(path, expected))) {
    throw new VarveError("E_SIZE", `Cannot keep ${path}: its job wrote another size`, {
      actual: size,
      expected,
    });
  }
  await Deno.chmod(path, FILE_MODE);
  return size;
}
