import { EROFS_WRITER_VERSION } from "../codec/erofs/mod.ts";
import { createHasher, type DiffId, parseDigest, sha256, type TreeDigest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { guarded } from "../linux/mod.ts";
import { type ComposedImage, IMAGE, IMAGE_INFO } from "./contract.ts";

/** Bytes of an image that are read at once. */
const PIECE = 1024 * 1024;

/** Writes the description of a new image beside it. */
export function writeImageInfo(directory: string, info: ComposedImage): void {
  const check = sha256(new TextEncoder().encode(textOf(info)));
  const text = JSON.stringify({ ...info, check });
  Deno.writeTextFileSync(`${directory}/${IMAGE_INFO}`, text, { mode: 0o444 });
}

/**
 * Reads the description of a composed image.
 *
 * @throws {VarveError} `E_DAMAGE` when it is missing, damaged, or of a version of varve that wrote no digest of it
 */
export function readImageInfo(directory: string): ComposedImage {
  const { version, generation, digest, size, devices, tree, kept, check } = parse(directory);
  try {
    if (
      Number.isSafeInteger(version) && Number.isSafeInteger(generation) &&
      Number.isSafeInteger(size) && Array.isArray(devices)
    ) {
      const info: ComposedImage = {
        version: version as number,
        generation: generation as number,
        digest: parseDigest(String(digest)),
        size: size as number,
        devices: devices.map((device) => parseDigest(String(device)) as DiffId),
        tree: parseDigest(String(tree)) as string as TreeDigest,
        kept: kept === null ? null : parseDigest(String(kept)),
      };
      if (sha256(new TextEncoder().encode(textOf(info))) === check) return info;
    }
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
  throw damaged(directory);
}

/**
 * Reads the description of a composed image if the image looks complete: it is a file of the size in the description.
 * The bytes of the image are not verified.
 */
export function findImageInfo(directory: string): ComposedImage | undefined {
  try {
    const { isFile, size } = Deno.lstatSync(`${directory}/${IMAGE}`);
    const info = readImageInfo(directory);
    return isFile && size === info.size ? info : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    // The path of a blob is asked for, too.
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    if (error instanceof VarveError && error.code === "E_DAMAGE") return undefined;
    throw error;
  }
}

/**
 * Whether the description of a composed image is that of another version of the writer. Such an image is composed again
 * when it is used, whatever its bytes are.
 *
 * @throws {VarveError} `E_DAMAGE` the description is missing or is no JSON
 */
export function isOtherVersion(directory: string): boolean {
  return parse(directory).version !== EROFS_WRITER_VERSION;
}

/**
 * Verifies the bytes of a composed image.
 *
 * @throws {VarveError} `E_DAMAGE` they do not match the digest in the description
 */
export async function verifyImage(directory: string, { digest }: ComposedImage): Promise<void> {
  const actual = await guarded("verify a composed image", async () => {
    using file = await Deno.open(`${directory}/${IMAGE}`, { read: true });
    const hasher = createHasher();
    const buffer = new Uint8Array(PIECE);
    for (let count; (count = await file.read(buffer)) !== null;) {
      hasher.update(buffer.subarray(0, count));
    }
    return hasher.digest();
  });
  if (actual === digest) return;
  throw new VarveError("E_DAMAGE", `Cannot use composed image ${directory}: it is damaged`, {
    subject: directory,
    expected: digest,
    actual,
  });
}

/** Whether the bytes of a composed image match the digest in its description. Reads all of them, on this thread. */
export function isImageWholeSync(
  directory: string,
  { digest }: ComposedImage,
  checkpoint: () => void,
): boolean {
  using file = Deno.openSync(`${directory}/${IMAGE}`, { read: true });
  const hasher = createHasher();
  const buffer = new Uint8Array(PIECE);
  for (let count; (count = file.readSync(buffer)) !== null;) {
    checkpoint();
    hasher.update(buffer.subarray(0, count));
  }
  return hasher.digest() === digest;
}

/** The fields of a description as one text, whatever their order in the object. */
function textOf({ version, generation, digest, size, devices, tree, kept }: ComposedImage): string {
  return JSON.stringify([version, generation, digest, size, devices, tree, kept]);
}

function parse(directory: string): Record<keyof ComposedImage | "check", unknown> {
  try {
    return Object(JSON.parse(Deno.readTextFileSync(`${directory}/${IMAGE_INFO}`)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Deno.errors.NotFound) {
      throw damaged(directory);
    }
    throw error;
  }
}

function damaged(directory: string): VarveError {
  return new VarveError(
    "E_DAMAGE",
    `Cannot use composed image ${directory}: ${IMAGE_INFO} is damaged`,
    { subject: directory },
  );
}
