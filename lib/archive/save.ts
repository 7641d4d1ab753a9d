import { concatReadableStreams, LimitedBytesTransformStream } from "@std/streams";
import { fromText, timestamp } from "../bytes/mod.ts";
import { encodeTarHeader, tarPadding } from "../codec/tar/mod.ts";
import { VarveError } from "../errors.ts";
import { compressImage, type CompressImageOptions } from "../image/mod.ts";
import { guarded } from "../linux/mod.ts";
import type { Platform } from "../oci/mod.ts";
import { findImage, type ImageRecord, narrowImage, type Store } from "../store/mod.ts";
import { type PlannedFile, planSave, type SavePlan } from "./save_plan.ts";
import { directoryTarget } from "./save_target.ts";
import { writeAll, writeFile } from "./write_file.ts";

/** Two blocks of zeros end a tar. */
const END = 1024;

/** Options of {@linkcode saveImages} and its kin. */
export interface SaveOptions {
  /** How layers are compressed that are not yet; left as they are without it. An index goes out as it is. */
  readonly compression?: CompressImageOptions | undefined;
  /** Called with each image whose manifest is a new one, because its layers were compressed. */
  readonly onManifest?: ((image: ImageRecord) => void) | undefined;
  /** Only the image for it of an index, which then goes out as if there were no other. */
  readonly platform?: Platform | undefined;
  /** For which platform of an index Docker's manifest.json is written. */
  readonly host?: Platform | undefined;
  /** Cancels. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes written so far and in all. */
  readonly onProgress?: ((written: number, total: number) => void) | undefined;
}

/**
 * Saves images as one tar that docker, podman, skopeo, containerd and varve load: an OCI
 * layout and a docker-archive at once. The same images give the same bytes, on
 * any machine. Every blob is verified while it passes.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_PRECONDITION` a part of it is not here; in the stream: `E_DIGEST`, `E_SIZE` damage
 *
 * @example
 * ```ts ignore
 * const tar = await saveImages(store, ["app:1"]);
 * await tar.pipeThrough(new CompressionStream("gzip")).pipeTo(response);
 * ```
 */
export async function saveImages(
  store: Store,
  references: readonly string[],
  options: SaveOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const plan = await planSave(store, await resolve(store, references, options), options.host);
  return tarStream(store, plan, options);
}

/**
 * Saves images into a tar file. It appears complete, or not at all; only where there is a device or
 * a FIFO already it is written at once.
 *
 * @throws {VarveError} as {@linkcode saveImages}; `E_NOT_FOUND` no such directory · `E_EXISTS` it is a directory
 *
 * @example
 * ```ts
 * import { openMemoryStore, saveToFile, VarveError } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * const error = await saveToFile(store, ["app:1"], "app.tar").catch((error) => error);
 * if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
 * ```
 */
export async function saveToFile(
  store: Store,
  references: readonly string[],
  path: string,
  options: SaveOptions = {},
): Promise<void> {
  const bytes = await saveImages(store, references, options);
  await writeFile(path, bytes, store.durability);
}

/**
 * Saves images as an OCI layout directory, with Docker's manifest.json beside.
 * It appears complete, or not at all.
 *
 * @throws {VarveError} as {@linkcode saveImages}; `E_EXISTS` it is a file, or a directory that is not empty
 *
 * @example
 * ```ts
 * import { openMemoryStore, saveToDirectory, VarveError } from "@varve/varve";
 *
 * await using store = openMemoryStore();
 * const error = await saveToDirectory(store, ["app:1"], "layout").catch((error) => error);
 * if (!(error instanceof VarveError) || error.code !== "E_NOT_FOUND") throw error;
 * ```
 */
export async function saveToDirectory(
  store: Store,
  references: readonly string[],
  path: string,
  options: SaveOptions = {},
): Promise<void> {
  const plan = await planSave(store, await resolve(store, references, options), options.host);
  await using target = await directoryTarget(path);
  await guarded(`save to ${path}`, async () => {
    const progress = meter(plan, options);
    for (const file of plan.files) {
      const place = `${target.temporary}/${file.name}`;
      await Deno.mkdir(place.slice(0, place.lastIndexOf("/")), { recursive: true });
      using output = await Deno.open(place, { write: true, createNew: true });
      const content = await open(store, file, options.signal);
      await writeAll(output, content.pipeThrough(progress()));
      if (store.durability === "full") await output.syncData();
    }
    await target.finish();
  });
}

async function resolve(
  store: Store,
  references: readonly string[],
  { compression, onManifest, platform }: SaveOptions,
): Promise<ImageRecord[]> {
  if (references.length === 0) {
    throw new VarveError("E_USAGE", "Cannot save images: none is named");
  }
  const records: ImageRecord[] = [];
  for (const reference of references) {
    const found = await findImage(store, reference);
    const record = platform === undefined ? found : await narrowImage(store, found, platform);
    if (compression === undefined) {
      records.push(record);
      continue;
    }
    const compressed = await compressImage(store, record, compression);
    if (compressed !== record) onManifest?.(compressed);
    records.push(compressed);
  }
  return records;
}

/** The whole archive, joined of headers, contents and paddings. */
function tarStream(store: Store, plan: SavePlan, options: SaveOptions): ReadableStream<Uint8Array> {
  const mtime = timestamp(plan.mtime);
  const progress = meter(plan, options);
  const header = (name: string, size: number, directory: boolean) =>
    encodeTarHeader({
      path: fromText(name),
      type: directory ? "directory" : "file",
      mode: directory ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      mtime,
      size,
      linkname: fromText(""),
      devmajor: 0,
      devminor: 0,
      xattrs: [],
    });
  async function* parts(): AsyncGenerator<ReadableStream<Uint8Array>> {
    const made = new Set<string>();
    for (const file of plan.files) {
      for (const directory of parentsOf(file.name)) {
        if (made.has(directory)) continue;
        made.add(directory);
        yield streamOf(header(`${directory}/`, 0, true));
      }
      const content = (await open(store, file, options.signal))
        // A blob that is longer than its header says would shift all that follows.
        .pipeThrough(new LimitedBytesTransformStream(file.size, { error: true }))
        .pipeThrough(progress());
      yield concatReadableStreams(
        streamOf(header(file.name, file.size, false)),
        content,
        streamOf(new Uint8Array(tarPadding(file.size))),
      );
    }
    yield streamOf(new Uint8Array(END));
  }
  // One part is opened after another: an archive has thousands, a process not that many descriptors.
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const part of parts()) yield* part;
  }
  return ReadableStream.from(bytes());
}

function parentsOf(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}

async function open(
  store: Store,
  file: PlannedFile,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array>> {
  if ("bytes" in file) return streamOf(file.bytes);
  return await store.blobs.open(file.blob, { signal });
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return ReadableStream.from(bytes.length === 0 ? [] : [bytes]);
}

/** Counts what passes through all of its streams together. */
function meter(
  plan: SavePlan,
  options: SaveOptions,
): () => TransformStream<Uint8Array, Uint8Array> {
  const total = plan.files.reduce((sum, file) => sum + file.size, 0);
  let written = 0;
  return () =>
    new TransformStream({
      transform(chunk, controller) {
        options.signal?.throwIfAborted();
        written += chunk.length;
        options.onProgress?.(written, total);
        controller.enqueue(chunk);
      },
    });
}
