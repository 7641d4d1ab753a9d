import { type DiffId, parseDigest, type TreeDigest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { ABOUT, type ComposedImage, IMAGE } from "./contract.ts";

/** Notes what a new image is. */
export function writeAbout(directory: string, about: ComposedImage): void {
  Deno.writeTextFileSync(`${directory}/${ABOUT}`, JSON.stringify(about), { mode: 0o444 });
}

/** Reads what is said of a composed image. @throws {VarveError} `E_DAMAGE` when that is nothing of use */
export function readAbout(directory: string): ComposedImage {
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

/** What is said of an image that is there as it was written, as far as a look can tell. */
export function findAbout(directory: string): ComposedImage | undefined {
  try {
    const { isFile, size } = Deno.lstatSync(`${directory}/${IMAGE}`);
    const about = readAbout(directory);
    return isFile && size === about.size ? about : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof VarveError && error.code === "E_DAMAGE") return undefined;
    throw error;
  }
}

function parse(directory: string): Record<keyof ComposedImage, unknown> {
  try {
    return Object(JSON.parse(Deno.readTextFileSync(`${directory}/${ABOUT}`)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Deno.errors.NotFound) {
      throw damaged(directory);
    }
    throw error;
  }
}

function damaged(directory: string): VarveError {
  return new VarveError("E_DAMAGE", `Cannot use composed image ${directory}: ${ABOUT} is damaged`, {
    subject: directory,
  });
}
