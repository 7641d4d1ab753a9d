import { type Marker, parseMarker } from "../markers/marker_format.ts";
import { MARKER } from "../names.ts";

/** A name in a directory, and the lstat(2) of it. */
export interface FileFact {
  /** Name in its directory. */
  readonly name: string;
  /** Type of the inode. */
  readonly type: "file" | "directory" | "symlink" | "other";
  /** Permission bits. */
  readonly mode: number;
  /** User id of the owner. */
  readonly uid: number;
  /** Size in bytes. */
  readonly size: number;
  /** Number of the device. With the inode it is equal for hard links to the same file. */
  readonly device: number;
  /** Number of the inode. */
  readonly inode: number;
}

/** A directory with a cache id, such as `layers/<cache-id>/`. */
export interface HomeFact {
  /** The directory itself. Its name is the cache id. */
  readonly directory: FileFact;
  /** The names in it, without its marker. Empty when it is not a directory. */
  readonly files: readonly FileFact[];
  /** What its marker says; `null` when the marker is missing or damaged. */
  readonly marker: Marker | null;
  /** The file of the marker; `undefined` when it is missing. */
  readonly markerFile: FileFact | undefined;
}

/** The names in a directory, sorted. Empty when there is no such directory. */
export function namesAt(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}

/** The lstat(2) of a name; `undefined` when it does not exist. */
export function factOf(directory: string, name: string): FileFact | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(`${directory}/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
  return {
    name,
    type: info.isFile
      ? "file"
      : info.isDirectory
      ? "directory"
      : info.isSymlink
      ? "symlink"
      : "other",
    mode: (info.mode ?? 0) & 0o7777,
    uid: info.uid ?? 0,
    size: info.size,
    device: info.dev,
    inode: info.ino ?? 0,
  };
}

/** The names in a directory with the lstat(2) of each. */
export function factsIn(directory: string): FileFact[] {
  const facts: FileFact[] = [];
  for (const name of namesAt(directory)) {
    const fact = factOf(directory, name);
    if (fact !== undefined) facts.push(fact);
  }
  return facts;
}

/** A directory with a cache id and everything directly in it; `undefined` when it does not exist. */
export function homeFact(parent: string, name: string): HomeFact | undefined {
  const directory = factOf(parent, name);
  if (directory === undefined) return undefined;
  const path = `${parent}/${name}`;
  const files = directory.type === "directory" ? factsIn(path) : [];
  const markerFile = files.find((file) => file.name === MARKER);
  return {
    directory,
    files: markerFile === undefined ? files : files.filter((file) => file !== markerFile),
    marker: markerFile?.type === "file" ? readMarkerAt(`${path}/${MARKER}`) : null,
    markerFile,
  };
}

function readMarkerAt(path: string): Marker | null {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  try {
    return parseMarker(bytes, path);
  } catch {
    return null;
  }
}
