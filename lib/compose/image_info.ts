import { type DiffId, parseDigest, type TreeDigest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { type ComposedImage, IMAGE, IMAGE_INFO } from "./contract.ts";

/** Writes the description of a new image beside it. */
export function writeImageInfo(directory: string, info: ComposedImage): void {
  Deno.writeTextFileSync(`${directory}/${IMAGE_INFO}`, JSON.stringify(info), { mode: 0o444 });
}

/**
 * Reads the description of a composed image.
 *
 * @throws {VarveError} `E_DAMAGE` when it is missing or damaged
 */
export function readImageInfo(directory: string): ComposedImage {
  const { digest, size, devices, tree, kept } = parse(directory);
  try {
    if (typeof digest === "string" && Number.isSafeInteger(size) && Array.isArray(devices)) {
      return {
        digest: parseDigest(digest),
        size: size as number,
        devices: devices.map((device) => parseDigest(String(device)) as DiffId),
        tree: parseDigest(String(tree)) as string as TreeDigest,
        kept: kept === null ? null : parseDigest(String(kept)),
      };
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
    if (error instanceof VarveError && error.code === "E_DAMAGE") return undefined;
    throw error;
  }
}

function parse(directory: string): Record<keyof ComposedImage, unknown> {
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
