/** Adds images to an OCI layout directory that is there already. */
import { type Digest, VerifyingStream } from "../digest/mod.ts";
import { isVarveError, VarveError } from "../errors.ts";
import type { ImageSink } from "../image/internal.ts";
import { guarded } from "../linux/mod.ts";
import {
  descriptorToJson,
  encodeArchiveManifest,
  encodeJson,
  familiarName,
  type JsonObject,
  type JsonValue,
  OCI_LIMITS,
  parseArchiveManifest,
  parseIndex,
  parseStrictJson,
} from "../oci/mod.ts";
import { boundedParallel } from "../pool/internal.ts";
import { holderOf, lockOpenFile } from "../store/internal.ts";
import { meter, openLayoutFile } from "./layout_content.ts";
import type { DirectorySinkOptions } from "./layout_directory.ts";
import {
  type ArchivedImages,
  dockerImages,
  IMAGE_NAME,
  indexEntries,
  type LayoutFile,
  layoutOf,
  nameOf,
  REF_NAME,
} from "./layout_files.ts";
import { refuseLink, syncDirectory, temporaryIn } from "./save_target.ts";
import { writeAll } from "./write_file.ts";

/** Whether a directory is an OCI layout, to which images can be added. */
export async function isLayout(path: string): Promise<boolean> {
  return await Deno.lstat(`${path}/oci-layout`).then(({ isFile }) => isFile, () => false);
}

/** Options of {@linkcode layoutUpdate}. */
export interface UpdateSinkOptions extends DirectorySinkOptions {
  /** Names of blobs that were verified, so that several updates verify each once. The update adds to them. */
  readonly intact?: Set<string> | undefined;
}

/**
 * A sink that adds images to an OCI layout directory. A name that is there already gets the new image; all other names
 * and all blobs stay. Blobs that are there are verified, and replaced where they are damaged. The new names appear
 * together, when everything that they need is there. A lock keeps others from changing the layout meanwhile.
 *
 * @throws {VarveError} `E_FORMAT`, `E_JSON`, … the layout is damaged or of another version · `E_EXISTS` a directory in
 * it is a symbolic link
 */
export function layoutUpdate(
  images: ArchivedImages,
  path: string,
  options: UpdateSinkOptions,
): ImageSink<void> {
  return {
    async send(plan, blobs) {
      const layout = layoutOf(images, plan);
      await guarded(`save to ${path}`, async () => {
        using lock = await Deno.open(path);
        const { signal, onWait } = options;
        const onLongWait = () => onWait?.(`${holderOf(path)} writes to ${path}`);
        await lockOpenFile(lock, path, { signal, onLongWait });
        await checkVersion(path);
        const index = mergedIndex(await readDocument(`${path}/index.json`), images);
        const docker = await mergedManifest(`${path}/manifest.json`, images);
        await using temporary = await temporaryIn(path);
        const progress = meter(layout, options);
        const isFull = options.durability === "full";
        let placed = 0;
        const place = async (name: string, content: ReadableStream<Uint8Array>) => {
          const file = `${temporary.temporary}/${placed++}`;
          {
            using output = await Deno.open(file, { write: true, create: true, truncate: true });
            await writeAll(output, content);
            if (isFull) await output.syncData();
          }
          await Deno.rename(file, `${path}/${name}`);
        };
        const { concurrency: limit = 1, intact = new Set() } = options;
        const files = layout.files.filter(({ name }) => name.startsWith("blobs/"));
        await boundedParallel(files, async (file, signal) => {
          await makeDirectories(path, file.name);
          if (!await isIntact(`${path}/${file.name}`, file, intact.has(file.name), signal)) {
            const content = await openLayoutFile(blobs, file, signal);
            await place(file.name, content.pipeThrough(progress()));
          }
          intact.add(file.name);
        }, { limit, signal });
        if (isFull) {
          for (const name of ["blobs/sha256", "blobs/sha512", "blobs"]) {
            await syncDirectory(`${path}/${name}`).catch((error) => {
              if (!(error instanceof Deno.errors.NotFound)) throw error;
            });
          }
        }
        options.signal?.throwIfAborted();
        if (docker !== undefined) await place("manifest.json", ReadableStream.from([docker]));
        await place("index.json", ReadableStream.from([index]));
        if (isFull) await syncDirectory(path);
        options.onProgress?.(total(layout.files), total(layout.files));
      });
    },
  };
}

function total(files: readonly LayoutFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

async function checkVersion(path: string): Promise<void> {
  const document = parseStrictJson(await readDocument(`${path}/oci-layout`), {
    what: "oci-layout",
  });
  const version = (document as JsonObject | null)?.["imageLayoutVersion"];
  if (version === "1.0.0") return;
  throw new VarveError(
    "E_FORMAT",
    `Cannot save to ${path}: it is not an OCI layout of version 1.0.0`,
    {
      subject: path,
    },
  );
}

async function readDocument(path: string): Promise<Uint8Array> {
  const { size, isFile } = await Deno.lstat(path);
  const maxBytes = OCI_LIMITS.manifest.value;
  if (isFile && size <= maxBytes) return await Deno.readFile(path);
  if (!isFile) throw new VarveError("E_FORMAT", `Cannot read ${path}: it is not a file`);
  throw new VarveError("E_LIMIT", `Cannot read ${path}: ${size} bytes are more than ${maxBytes}`, {
    expected: maxBytes,
    actual: size,
  });
}

/** The index with the new entries. What varve does not know in it stays. */
function mergedIndex(bytes: Uint8Array, { records }: ArchivedImages): Uint8Array<ArrayBuffer> {
  // Refuses what is not an index.
  parseIndex(bytes);
  const document = parseStrictJson(bytes, { what: "index.json" }) as JsonObject;
  const isReplaced = (entry: JsonObject) => {
    const names = (entry["annotations"] ?? {}) as Readonly<Record<string, JsonValue>>;
    const full = names[IMAGE_NAME], reference = names[REF_NAME];
    return records.some((record) => {
      const name = nameOf(record);
      // Nobody finds the image of an entry by a tag that another entry has, too.
      if (record.tag !== undefined && reference === record.tag) return true;
      if (record.tag !== undefined && name === undefined) return false;
      if (name === undefined) {
        return full === undefined && reference === undefined &&
          entry["digest"] === record.target.digest;
      }
      return full === undefined
        ? reference === record.name || reference !== undefined && reference === name.tag
        : full === record.name;
    });
  };
  const kept = (document["manifests"] as readonly JsonObject[]).filter((entry) =>
    !isReplaced(entry)
  );
  const taken = kept.flatMap((entry) => {
    const reference = (entry["annotations"] as JsonObject | undefined)?.[REF_NAME];
    return typeof reference === "string" ? [reference] : [];
  });
  const added = indexEntries(records, taken).map(descriptorToJson);
  return encodeJson({ ...document, manifests: [...kept as JsonValue[], ...added] });
}

/** Docker's manifest.json with the new images; `undefined` where the layout has none. */
async function mergedManifest(
  path: string,
  { records, images = [] }: ArchivedImages,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  let before: ReturnType<typeof parseArchiveManifest>;
  try {
    before = parseArchiveManifest(await readDocument(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const added = dockerImages(images);
  const moved = new Set(added.flatMap(({ repoTags }) => repoTags));
  for (const record of records) {
    const name = nameOf(record);
    if (name !== undefined) moved.add(familiarName(name));
  }
  const kept = before.flatMap(({ config, repoTags, layers }) => {
    const same = added.some((image) => image.config === config);
    const tags = repoTags.filter((tag) => !moved.has(tag));
    return same || tags.length === 0 && repoTags.length > 0
      ? []
      : [{ config, repoTags: tags, layers }];
  });
  const all = added.map((image) => {
    const same = before.find(({ config }) => config === image.config);
    const tags = [...same?.repoTags.filter((tag) => !moved.has(tag)) ?? [], ...image.repoTags];
    return { ...image, repoTags: tags };
  });
  return encodeArchiveManifest([...kept, ...all]);
}

async function makeDirectories(path: string, name: string): Promise<void> {
  for (const directory of ["blobs", name.slice(0, name.lastIndexOf("/"))]) {
    await refuseLink(`${path}/${directory}`);
    await Deno.mkdir(`${path}/${directory}`, { recursive: true });
  }
}

/**
 * Whether a blob is there and has the bytes that its name promises.
 *
 * @param isVerified whether its bytes were verified before, so that it only has to be there still
 */
async function isIntact(
  path: string,
  { name, size }: LayoutFile,
  isVerified: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const info = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (info?.isFile !== true || info.size !== size) return false;
  if (isVerified) return true;
  const digest = name.slice("blobs/".length).replace("/", ":") as Digest;
  const file = await Deno.open(path);
  try {
    await file.readable.pipeThrough(new VerifyingStream({ digest, size })).pipeTo(
      new WritableStream(),
      { signal },
    );
    return true;
  } catch (error) {
    if (isVarveError(error, "E_DIGEST")) return false;
    throw error;
  }
}
