import { VarveError } from "../../errors.ts";
import { MARKER } from "./names.ts";
import type { Syncer } from "./sync.ts";
import { writeNew } from "./system.ts";

/**
 * Says what a directory with a cache id is. Each such directory holds its marker, so that the
 * database can be rebuilt from the markers alone.
 */
export type Marker =
  | {
    readonly id: number;
    readonly kind: "layer";
    readonly diffID: string;
    readonly size: number;
    readonly treeDigest: string;
    readonly treeSize: number;
    readonly treeSum: string;
    readonly entries: number;
  }
  | {
    readonly id: number;
    readonly kind: "chain";
    readonly chainID: string;
    readonly diffID: string;
    readonly parent: string | null;
  }
  | {
    readonly id: number;
    readonly kind: "snapshot";
    readonly key: string;
    /**
     * The open store that made the directory. While that store is open, it may still write the row.
     */
    readonly owner: string;
  };

/** First line of a marker: magic and version. It never changes. */
const MAGIC = "varve-marker 1\n";

/** Writes a marker to a path. */
export async function writeMarker(path: string, marker: Marker): Promise<void> {
  await writeNew(path, new TextEncoder().encode(`${MAGIC}${JSON.stringify(marker)}\n`), 0o400);
}

/** Reads the marker at a path. @throws {VarveError} `E_FORMAT` */
export async function readMarker(path: string): Promise<Marker> {
  const text = await Deno.readTextFile(path);
  if (!text.startsWith(MAGIC)) {
    throw new VarveError("E_FORMAT", `Cannot read marker ${path}: not a marker of version 1`);
  }
  try {
    return JSON.parse(text.slice(MAGIC.length)) as Marker;
  } catch (error) {
    throw new VarveError("E_FORMAT", `Cannot read marker ${path}: not JSON`, {}, { cause: error });
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
