import { algorithmOf, createHasher, type DiffId, sha256, Verifier } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { guarded } from "../../linux/mod.ts";
import type { Descriptor } from "../../oci/mod.ts";
import type {
  BegunLayer,
  Ingest,
  IngestResult,
  LayerKey,
  LayerOptions,
  SpareOptions,
  StagedLayer,
} from "../contract.ts";
import { checkName, keptTarget, type NamedTarget } from "../rules.ts";
import { commitPlan } from "./commit.ts";
import { checkWritable, type Disk } from "./context.ts";
import { dropKept } from "./kept_bytes.ts";
import { LayerStaging } from "./layer_staging.ts";
import type { StagedBlob } from "./staged.ts";
import { makeDirectory, removeAll, writeAll, writeNew } from "./system.ts";

/** Mode of a blob: nobody writes it again. */
const BLOB_MODE = 0o444;

/** An ingest into a disk store: a directory below `ingest/`, which a commit moves into place. */
export class DiskIngest implements Ingest {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #layers: LayerStaging;
  readonly #blobs = new Map<string, StagedBlob>();
  readonly #images: NamedTarget[] = [];
  readonly #chains: (readonly DiffId[])[] = [];
  readonly #onEnd: (ingest: DiskIngest) => void;
  #count = 0;
  #open = true;

  private constructor(disk: Disk, directory: string, onEnd: (ingest: DiskIngest) => void) {
    this.#disk = disk;
    this.#directory = directory;
    this.#layers = new LayerStaging(disk, () => this.#fresh());
    this.#onEnd = onEnd;
  }

  /** Begins an ingest. */
  static async begin(disk: Disk, onEnd: (ingest: DiskIngest) => void): Promise<DiskIngest> {
    checkWritable(disk, "ingest");
    const directory = await guarded("begin an ingest", async () => {
      const directory = await disk.owner.fresh();
      await makeDirectory(directory);
      return directory;
    });
    return new DiskIngest(disk, directory, onEnd);
  }

  async layer(key: LayerKey, options: LayerOptions = {}): Promise<BegunLayer> {
    this.#check();
    return await this.#layers.begin(key, options);
  }

  async newLayer(): Promise<StagedLayer> {
    this.#check();
    return await this.#layers.beginNew();
  }

  async blob(
    bytes: Uint8Array,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor> {
    this.#check();
    const digest = expected?.digest ?? sha256(bytes);
    if (expected !== undefined) {
      const verifier = new Verifier(expected);
      verifier.update(bytes);
      verifier.finish();
    }
    const size = bytes.length;
    if (!this.#blobs.has(digest)) {
      const path = this.#fresh();
      await this.#write(path, () => writeNew(path, bytes, BLOB_MODE));
      this.#blobs.set(digest, { digest, size, mediaType, path });
    }
    return { mediaType, digest, size };
  }

  async blobStream(
    bytes: AsyncIterable<Uint8Array>,
    mediaType: string,
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<Descriptor> {
    this.#check();
    const path = this.#fresh();
    const verifier = expected === undefined ? undefined : new Verifier(expected);
    const hasher = createHasher(expected === undefined ? "sha256" : algorithmOf(expected.digest));
    let size = 0;
    await this.#write(path, async () => {
      using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
      for await (const piece of bytes) {
        size += piece.length;
        if (verifier === undefined) hasher.update(piece);
        else verifier.update(piece);
        await writeAll(file, piece);
      }
      verifier?.finish();
      await Deno.chmod(path, BLOB_MODE);
    });
    const digest = expected?.digest ?? hasher.digest();
    if (this.#blobs.has(digest)) await removeAll(path);
    else this.#blobs.set(digest, { digest, size, mediaType, path });
    return { mediaType, digest, size };
  }

  image(name: string | null, target: Descriptor, options: SpareOptions = {}): void {
    this.#check();
    if (name !== null) checkName("image name", name);
    this.#images.push({ ...options, name, target: keptTarget(target) });
  }

  chain(diffIds: readonly DiffId[]): void {
    this.#check();
    if (diffIds.length > 0) this.#chains.push([...diffIds]);
  }

  async commit(): Promise<IngestResult> {
    this.#check();
    if (this.#layers.making > 0) {
      throw new VarveError("E_PRECONDITION", "Cannot commit: a layer is still being made");
    }
    this.#open = false;
    try {
      const result = await commitPlan(this.#disk, {
        layers: this.#layers.made,
        blobs: [...this.#blobs.values()],
        plain: [...this.#layers.plain],
        asked: this.#layers.asked,
        images: this.#images,
        chains: this.#chains,
        fresh: () => this.#fresh(),
      });
      const { owner, paths } = this.#disk;
      for (const { digest } of this.#layers.made) {
        await owner.tidy(() => dropKept(paths, digest));
      }
      return result;
    } finally {
      await this.#end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#onEnd(this);
    await this.#disk.owner.tidy(() => this.#layers.end());
    await this.#disk.owner.tidy(() => removeAll(this.#directory));
  }

  async #write(path: string, fn: () => Promise<void>): Promise<void> {
    try {
      await guarded("write a blob", fn);
      this.#check();
    } catch (error) {
      await this.#disk.owner.tidy(() => removeAll(path));
      throw error;
    }
  }

  #fresh(): string {
    return `${this.#directory}/${this.#count++}`;
  }

  #check(): void {
    if (!this.#open) throw new VarveError("E_PRECONDITION", "Cannot ingest: it is done with");
  }
}
