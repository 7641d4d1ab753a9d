/** What a varve behind a containerd holds: counts that must not grow with the images that come and go. */
import type { ServedContainerd } from "./served_containerd.ts";

/** Counts, by what is counted. */
export type ServedCensus = Readonly<
  Record<"descriptors" | "threads" | "mounts" | "files" | "leases", number>
>;

/** Counts what the daemon holds now, and what is in its store. */
export async function servedCensus({ pid, root, varve }: ServedContainerd): Promise<ServedCensus> {
  const mountinfo = await Deno.readTextFile(`/proc/${pid}/mountinfo`);
  return {
    descriptors: await entriesIn(`/proc/${pid}/fd`),
    threads: await entriesIn(`/proc/${pid}/task`),
    mounts: mountinfo.split("\n").filter((line) => line.includes(` ${root}/`)).length,
    files: await descendantsOf(root),
    leases: (await varve.json(["lease", "ls"])).length,
  };
}

async function entriesIn(directory: string): Promise<number> {
  return (await Array.fromAsync(Deno.readDir(directory))).length;
}

/** Number of files and directories below a directory. */
async function descendantsOf(directory: string): Promise<number> {
  let count = 0;
  for (const { name, isDirectory } of await Array.fromAsync(Deno.readDir(directory))) {
    count++;
    if (isDirectory) count += await descendantsOf(`${directory}/${name}`);
  }
  return count;
}
