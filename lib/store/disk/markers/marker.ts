import { VarveError } from "../../../errors.ts";
import { encodeMarker, type Marker, parseMarker } from "./marker_format.ts";
import { MARKER } from "../names.ts";
import type { Syncer } from "../sync.ts";
import { writeNew } from "../system.ts";

/** Maximum size of a marker, in bytes. A larger file is not a marker. */
const MAX_SIZE = 64 * 1024 * 1024;

/** Mode of a marker, which is replaced but never written again. */
const MARKER_MODE = 0o400;

/** Writes a marker to a new path. */
export async function writeMarker(path: string, marker: Marker): Promise<void> {
  await writeNew(path, encodeMarker(marker), MARKER_MODE);
}

/**
 * Reads the marker at a path.
 *
 * @throws {VarveError} `E_FORMAT` it is not a marker, or of an unknown version
 * @throws {Deno.errors.NotFound}
 */
export async function readMarker(path: string): Promise<Marker> {
  const { size, isFile } = await Deno.lstat(path);
  if (!isFile || size > MAX_SIZE) {
    throw new VarveError("E_FORMAT", `Cannot read marker ${path}: not a small regular file`);
  }
  return parseMarker(await Deno.readFile(path), path);
}

/** Reads the marker in a directory; `undefined` when there is none, or when it is damaged. */
export async function markerIn(directory: string): Promise<Marker | undefined> {
  try {
    return await readMarker(`${directory}/${MARKER}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return;
    if (error instanceof VarveError && error.code === "E_FORMAT") return;
    throw error;
  }
}

/** Writes a marker and syncs it and its directory. */
export async function writeSyncedMarker(
  directory: string,
  marker: Marker,
  syncer: Syncer,
): Promise<void> {
  const path = `${directory}/${MARKER}`;
  await writeMarker(path, marker);
  await syncer.each([path, directory]);
}
