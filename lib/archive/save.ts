import { concatReadableStreams, LimitedBytesTransformStream } from "@std/streams";
import { VarveError } from "../errors.ts";
import { fromText, timestamp } from "../bytes/mod.ts";
import { encodeTarHeader, tarPadding } from "../codec/tar/mod.ts";
import { fileError } from "../linux/mod.ts";
import type { Platform } from "../oci/mod.ts";
import { findImage, type ImageRecord, type Store } from "../store/mod.ts";
import { type PlannedFile, planSave, type SavePlan } from "./save_plan.ts";

/** Two blocks of zeros end a tar. */
const END = 1024;

/** Options of {@linkcode saveImages} and its kin. */
export interface SaveOptions {
  /** For which platform of an index Docker's manifest.json is written. */
  readonly host?: Platform;
  /** Cancels. */
  readonly signal?: AbortSignal;
  /** Called with the bytes written so far and in all. */
  readonly onProgress?: (written: number, total: number) => void;
}

/**
 * Saves images as one tar that docker, podman, skopeo, containerd and varve load: an OCI
 * layout and a docker-archive at once. The same images give the same bytes, on
 * any machine. Every blob is verified while it passes.
 *
 * @throws {VarveError} `E_NOT_FOUND` no such image · `E_PRECONDITION` a part of it is not here; in the stream: `E_DIGEST`, `E_SIZE` damage
 */
export async function saveImages(
  store: Store,
  references: readonly string[],
  options: SaveOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const plan = await planSave(store, await resolve(store, references), options.host);
  return tarStream(store, plan, options);
}

/**
 * Saves images into a tar file. It appears complete, or not at all.
 *
 * @throws {VarveError} as {@linkcode saveImages}; `E_NOT_FOUND` no such directory
 */
export async function saveToFile(
  store: Store,
  references: readonly string[],
  path: string,
  options: SaveOptions = {},
): Promise<void> {
  const stream = await saveImages(store, references, options);
  const temporary = `${path}.varve-partial`;
  try {
    await removeIfThere(temporary);
    {
      using file = await create(temporary);
      await writeAll(file, stream);
      if (store.durability === "full") await file.syncData();
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeIfThere(temporary);
    throw fileError(error, `save to ${path}`);
  }
}

/**
 * Saves images as an OCI layout directory, with Docker's manifest.json beside.
 * It appears complete, or not at all.
 *
 * @throws {VarveError} as {@linkcode saveImages}; `E_EXISTS` the directory is not empty
 */
export async function saveToDirectory(
  store: Store,
  references: readonly string[],
  path: string,
  options: SaveOptions = {},
): Promise<void> {
  const plan = await planSave(store, await resolve(store, references), options.host);
  const clean = path.replace(/\/+$/, "");
  const temporary = `${clean}.varve-partial`;
  await refuseFull(clean);
  try {
    await removeIfThere(temporary);
    await Deno.mkdir(temporary, { mode: 0o755 });
    const progress = meter(plan, options);
    for (const file of plan.files) {
      const slash = file.name.lastIndexOf("/");
      if (slash >= 0) {
        await Deno.mkdir(`${temporary}/${file.name.slice(0, slash)}`, { recursive: true });
      }
      using target = await create(`${temporary}/${file.name}`);
      const content = await open(store, file, options.signal);
      await writeAll(target, content.pipeThrough(progress()));
      if (store.durability === "full") await target.syncData();
    }
    await Deno.rename(temporary, clean);
  } catch (error) {
    await removeIfThere(temporary);
    throw fileError(error, `save to ${path}`);
  }
}

async function resolve(store: Store, references: readonly string[]): Promise<ImageRecord[]> {
  if (references.length === 0) {
    throw new VarveError("E_USAGE", "Cannot save images: none is named");
  }
  const records: ImageRecord[] = [];
  for (const reference of references) records.push(await findImage(store, reference));
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
  return await store.blobs.open(file.blob, signal === undefined ? {} : { signal });
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

/** Writes a stream into a file. (`pipeTo` with `preventClose` may end before the last chunks are written.) */
async function writeAll(file: Deno.FsFile, bytes: ReadableStream<Uint8Array>): Promise<void> {
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  }
}

async function create(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { write: true, createNew: true, mode: 0o644 });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new VarveError("E_NOT_FOUND", `Cannot save to ${path}: there is no such directory`, {
        subject: path,
      });
    }
    throw error;
  }
}

async function refuseFull(path: string): Promise<void> {
  try {
    for await (const _ of Deno.readDir(path)) {
      throw new VarveError("E_EXISTS", `Cannot save to ${path}: it is not empty`, {
        subject: path,
      });
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) {
      throw new VarveError("E_EXISTS", `Cannot save to ${path}: it is a file`, { subject: path });
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
