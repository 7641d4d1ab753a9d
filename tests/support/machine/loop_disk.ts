/** Small file systems of every kind, in loop devices, and how to fill them. */
import { run } from "./process.ts";
import { tempDir } from "./temp_dir.ts";

/** Name of a kind of file system. */
export type DiskKind =
  | "ext4 with blocks of 4 KiB"
  | "ext4 with blocks of 1 KiB"
  | "xfs"
  | "btrfs"
  | "tmpfs";

/** A file system that a test can have: how to make it, with the smallest size that its kernel takes. */
interface Recipe {
  readonly size: string;
  /** The command that makes it, without the file. */
  readonly make: readonly string[];
}

/** The kinds, by their names in the tests. */
const RECIPES: Readonly<Record<DiskKind, Recipe>> = {
  "ext4 with blocks of 4 KiB": { size: "32M", make: ["mkfs.ext4", "-q", "-F", "-b", "4096"] },
  "ext4 with blocks of 1 KiB": { size: "32M", make: ["mkfs.ext4", "-q", "-F", "-b", "1024"] },
  "xfs": { size: "320M", make: ["mkfs.xfs", "-q", "-f"] },
  "btrfs": { size: "200M", make: ["mkfs.btrfs", "-q", "-f"] },
  "tmpfs": { size: "16m", make: [] },
};

/** All kinds. */
export const DISK_KINDS: readonly DiskKind[] = Object.keys(RECIPES) as DiskKind[];

/** The programs that a kind needs, for `needs`. */
export function diskTools(kind: DiskKind): string[] {
  return RECIPES[kind].make.slice(0, 1);
}

/** A mounted file system. Disposing it unmounts it, with whatever is mounted in it. */
export interface LoopDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  /** Fills it to the last byte. */
  fill(): Promise<void>;
  /** Removes what `fill` wrote. */
  makeRoom(): Promise<void>;
}

/** Names of the files that fill a disk, in which the last has the smallest writes. */
const PIECES = [1024 * 1024, 4096, 512, 1];
/** Number of single bytes to try: more than the smallest block has. */
const SINGLE = 600;

/** Makes and mounts a file system. */
export async function loopDisk(kind: DiskKind): Promise<LoopDisk> {
  const temp = await tempDir();
  const path = temp.join("disk");
  const { size, make } = RECIPES[kind];
  await Deno.mkdir(path);
  if (make.length === 0) {
    await run(["mount", "-t", "tmpfs", "-o", `size=${size}`, "none", path]);
  } else {
    const image = temp.join("image");
    await run(["truncate", "-s", size, image]);
    await run([...make, image]);
    await run(["mount", "-o", "loop", image, path]);
  }
  let rounds = 0;
  const fillers: string[] = [];
  return {
    path,
    async fill() {
      rounds++;
      for (const piece of PIECES) {
        const filler = `${path}/filler-${rounds}-${piece}`;
        fillers.push(filler);
        await fillBy(filler, piece);
        await run(["sync", "-f", path]);
      }
    },
    async makeRoom() {
      for (const filler of fillers.splice(0)) await Deno.remove(filler).catch(() => {});
      await run(["sync", "-f", path]);
    },
    async [Symbol.asyncDispose]() {
      await run(["umount", "-R", "-l", path]);
      await temp[Symbol.asyncDispose]();
    },
  };
}

async function fillBy(path: string, piece: number): Promise<void> {
  const bytes = new Uint8Array(piece);
  try {
    using file = await Deno.open(path, { write: true, create: true });
    for (let count = 0; piece > 1 || count < SINGLE; count++) {
      if (await file.write(bytes) < piece) return;
    }
  } catch (error) {
    if (!/os error 28/.test(String(error))) throw error;
  }
}
