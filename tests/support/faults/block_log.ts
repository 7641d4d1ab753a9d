/** A disk whose writes and flushes are recorded, and replayed up to any point: a loss of power. */
import { needs, type Skip } from "../machine/needs.ts";
import { run } from "../machine/process.ts";
import { unmount } from "../machine/unmount.ts";
import { waitUntil } from "../machine/wait.ts";

/** What the disk saw. */
export type BlockRecord =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "flush" }
  | { readonly kind: "mark"; readonly text: string };

/** A file system to be cut, and how it is made. */
export interface DiskKind {
  readonly name: string;
  readonly type: string;
  /** Bytes of the image. */
  readonly size: number;
  /** The command that makes the file system; the image is its last word. */
  readonly make: readonly string[];
}

const MIB = 2 ** 20;

/** File systems, the smallest that they can be. */
export const DISKS: readonly DiskKind[] = [
  { name: "ext4", type: "ext4", size: 64 * MIB, make: ["mkfs.ext4", "-q", "-b", "4096"] },
  { name: "ext4-1k", type: "ext4", size: 64 * MIB, make: ["mkfs.ext4", "-q", "-b", "1024"] },
  { name: "xfs", type: "xfs", size: 320 * MIB, make: ["mkfs.xfs", "-q"] },
  { name: "btrfs", type: "btrfs", size: 256 * MIB, make: ["mkfs.btrfs", "-q"] },
];

/**
 * The command that mounts an image. XFS refuses the image of a file system that is still mounted somewhere: the mount
 * namespace of another test may hold a copy of the mount of an earlier cut.
 */
export function mountCommand({ type }: DiskKind, image: string, target: string): string[] {
  return ["mount", "-t", type, "-o", type === "xfs" ? "loop,nouuid" : "loop", image, target];
}

const SOURCE = new URL("./block_log.c", import.meta.url).pathname;

/** Skips a test where a disk cannot be recorded. */
export function needsBlockLog({ make: [program = ""] }: DiskKind): Skip {
  const isThere = (path: string) => {
    try {
      return Deno.statSync(path) !== undefined;
    } catch {
      return false;
    }
  };
  const parts = { "/dev/fuse": "/dev/fuse", "/dev/loop-control": "loop devices" };
  const missing = Object.entries({ ...parts, "/usr/include/fuse3/fuse.h": "libfuse3-dev" })
    .find(([path]) => !isThere(path));
  return needs({
    root: true,
    mount: true,
    tools: ["gcc", "losetup", program],
    other: missing?.[1],
  });
}

/** A mounted disk that is recorded. */
export interface RecordedDisk {
  /** Where it is mounted. */
  readonly path: string;
  /** Puts a mark into the record. */
  mark(text: string): Promise<void>;
}

/**
 * Makes a file system, works on it, and gives what the disk saw meanwhile.
 *
 * @param dir an empty directory for all that is needed; `base` in it is the image as it was before
 */
export async function recordDisk(
  dir: string,
  disk: DiskKind,
  work: (disk: RecordedDisk) => Promise<void>,
): Promise<BlockRecord[]> {
  const [image, base, log, fuse, path] = ["image", "base", "log", "fuse", "disk"].map((name) =>
    `${dir}/${name}`
  ) as [string, string, string, string, string];
  const program = `${dir}/block_log`;
  await run([
    "gcc",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-o",
    program,
    SOURCE,
    "-lfuse3",
    "-lpthread",
  ]);
  await Deno.writeFile(image, new Uint8Array());
  await Deno.truncate(image, disk.size);
  await run([...disk.make, image]);
  await run(["cp", "--sparse=always", image, base]);
  await Deno.mkdir(fuse);
  await Deno.mkdir(path);
  const daemon = new Deno.Command(program, { args: [image, log, fuse], stdin: "null" }).spawn();
  let loop: string | undefined;
  try {
    await waitUntil(
      "the recorded disk",
      () => Deno.stat(`${fuse}/disk`).then(() => true, () => false),
    );
    loop = (await run(["losetup", "-f", "--show", `${fuse}/disk`])).stdout.trim();
    await run(["mount", "-t", disk.type, loop, path]);
    try {
      await work({ path, mark: (text) => Deno.writeTextFile(`${fuse}/mark`, text) });
    } finally {
      await unmount(path);
    }
  } finally {
    if (loop !== undefined) await run(["losetup", "-d", loop]);
    await run(["umount", "-l", fuse]).catch(() => daemon.kill("SIGKILL"));
    await daemon.status;
  }
  return parseRecords(await Deno.readFile(log));
}

function parseRecords(log: Uint8Array<ArrayBuffer>): BlockRecord[] {
  const view = new DataView(log.buffer);
  const records: BlockRecord[] = [];
  for (let at = 0; at < log.length;) {
    const [kind, length, offset] = [0, 8, 16].map((by) => Number(view.getBigUint64(at + by, true)));
    const bytes = log.subarray(at + 24, at + 24 + (length ?? 0));
    at += 24 + bytes.length;
    if (kind === 0) records.push({ kind: "write", offset: offset ?? 0, bytes });
    else if (kind === 1) records.push({ kind: "flush" });
    else records.push({ kind: "mark", text: new TextDecoder().decode(bytes) });
  }
  return records;
}

/** Bytes that a disk writes whole or not at all. */
const SECTOR = 4096;

/**
 * Writes the disk as a loss of power at one record leaves it: all until the last flush, and of what came after it
 * the sectors that `keeps` says.
 */
export async function replay(
  base: string,
  image: string,
  records: readonly BlockRecord[],
  cut: number,
  keeps: () => boolean,
): Promise<void> {
  await run(["cp", "--sparse=always", base, image]);
  const flushed = records.slice(0, cut).findLastIndex(({ kind }) => kind === "flush");
  using file = await Deno.open(image, { write: true });
  for (const [at, record] of records.slice(0, cut).entries()) {
    if (record.kind !== "write") continue;
    const { offset, bytes } = record;
    if (at <= flushed) await writeAt(file, offset, bytes);
    else {
      for (let from = 0; from < bytes.length; from += SECTOR) {
        if (keeps()) await writeAt(file, offset + from, bytes.subarray(from, from + SECTOR));
      }
    }
  }
}

async function writeAt(file: Deno.FsFile, offset: number, bytes: Uint8Array): Promise<void> {
  await file.seek(offset, Deno.SeekMode.Start);
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}
