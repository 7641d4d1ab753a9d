/** What a store has on its disk, by kinds, and whether it may have it. */

/** What has to be in a store. */
export interface Roots {
  /** Digests. */
  readonly blobs: ReadonlySet<string>;
  /** Number of layers. */
  readonly layers: number;
  /** Number of chains. */
  readonly chains: number;
  /** Number of snapshots with a directory. */
  readonly snapshots: number;
}

/** What is on the disk. Bytes are blocks, each inode once. */
export interface OnDisk {
  readonly blobs: readonly string[];
  readonly layers: number;
  readonly chains: number;
  readonly snapshots: number;
  /** Bytes of composed images and extracted directories. */
  readonly caches: number;
  /** Bytes of kept parts of downloads. */
  readonly parts: number;
  /** Paths of unfinished work, and of snapshots that lost their rows. */
  readonly strays: readonly string[];
  /** Bytes of the database and of what else belongs to the store itself. */
  readonly store: number;
  /** Bytes of all. */
  readonly all: number;
}

/** Bytes of a block that stat(2) counts. */
const BLOCK = 512;

/** Bytes of one image's caches: a command makes so many before the next start finds them to be too many. */
const ONE_IMAGE = 200_000;

/** Bytes of the database, its WAL and the reserve. */
const STORE = 6 * 2 ** 20;

/** Counts what a store has on its disk. */
export async function lookAt(root: string): Promise<OnDisk> {
  const inodes = new Set<number>();
  const sum = { caches: 0, parts: 0, store: 0, all: 0 };
  const strays: string[] = [];
  const { dev } = await Deno.lstat(root);
  const visit = async (directory: string): Promise<void> => {
    for await (const { name } of Deno.readDir(directory)) {
      const path = `${directory}/${name}`;
      const info = await Deno.lstat(path);
      if (info.dev !== dev) continue;
      const below = path.slice(root.length + 1);
      if (isStray(below)) strays.push(below);
      if (!inodes.has(info.ino ?? 0)) {
        inodes.add(info.ino ?? 0);
        const bytes = (info.blocks ?? 0) * BLOCK;
        sum.all += bytes;
        const kind = kindOf(below);
        if (kind !== undefined) sum[kind] += bytes;
      }
      if (info.isDirectory) await visit(path);
    }
  };
  await visit(root);
  const count = async (name: string) => (await Array.fromAsync(Deno.readDir(`${root}/${name}`)));
  const blobs = (await count("content/blobs/sha256")).map(({ name }) => `sha256:${name}`);
  const [layers, chains, snapshots] = await Promise.all(
    ["layers", "chains", "snapshots"].map(async (name) => (await count(name)).length),
  ) as [number, number, number];
  return { blobs, layers, chains, snapshots, strays, ...sum };
}

/** Which sum a path counts to; `undefined` for what roots keep, and for trash. */
function kindOf(path: string): "caches" | "parts" | "store" | undefined {
  const [top = "", , third = ""] = path.split("/");
  if (top === "ingest") return path.endsWith(".part") ? "parts" : "store";
  if (top === "layers") return third.startsWith("fs") ? "caches" : undefined;
  if (top === "chains") return third !== "" && third !== "marker" ? "caches" : undefined;
  return ["content", "snapshots", "trash"].includes(top) ? undefined : "store";
}

/** Whether a path is unfinished work: no command runs. */
function isStray(path: string): boolean {
  return /^lost\/./.test(path) || /^ingest\/(?!.*\.(lock|part)$)./.test(path);
}

/** What must not be there, a line each. */
export function findingsOf(
  disk: OnDisk,
  roots: Roots,
  bounds: { readonly caches: number; readonly parts: number; readonly isStrict: boolean },
): string[] {
  const more = bounds.isStrict ? 0 : ONE_IMAGE;
  const findings = disk.blobs.filter((blob) => !roots.blobs.has(blob))
    .map((blob) => `nothing needs blob ${blob}`);
  for (const kind of ["layers", "chains", "snapshots"] as const) {
    if (disk[kind] > roots[kind]) {
      findings.push(`${disk[kind]} ${kind}, of which ${roots[kind]} are needed`);
    }
  }
  const sums = [["caches", bounds.caches + more], ["parts", bounds.parts + more]] as const;
  for (const [kind, most] of [...sums, ["store", STORE] as const]) {
    if (disk[kind] > most) findings.push(`${kind} have ${disk[kind]} bytes, of at most ${most}`);
  }
  findings.push(...disk.strays.map((path) => `unfinished work: ${path}`));
  return findings;
}
