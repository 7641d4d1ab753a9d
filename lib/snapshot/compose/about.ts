import { type DiffId, parseDigest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { ABOUT, type ComposedImage, IMAGE } from "./contract.ts";

/** Notes what a new image is. */
export function writeAbout(directory: string, about: ComposedImage): void {
  Deno.writeTextFileSync(`${directory}/${ABOUT}`, JSON.stringify(about), { mode: 0o444 });
}

/** Reads what is said of a composed image. @throws {VarveError} `E_DAMAGE` when that is nothing of use */
export function readAbout(directory: string): ComposedImage {
  const { digest, size, devices } = parse(directory);
  try {
    if (typeof digest === "string" && Number.isSafeInteger(size) && Array.isArray(devices)) {
      return {
        digest: parseDigest(digest),
        size: size as number,
        devices: devices.map((device) => parseDigest(String(device)) as DiffId),
      };
    }
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
  throw damaged(directory);
}

/** Whether an image is there as it was written, as far as a look can tell. */
export function isComposed(directory: string): boolean {
  try {
    const { isFile, size } = Deno.lstatSync(`${directory}/${IMAGE}`);
    return isFile && size === readAbout(directory).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof VarveError && error.code === "E_DAMAGE") return false;
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
