/** Counts of what a process holds: descriptors, worker threads, children, and mounts below a directory. */

/** How often each thing is held, by kind and name, like `fd /tmp/x` or `thread worker-1`. */
export type Census = ReadonlyMap<string, number>;

/** Counts what this process holds now; mounts and files count below `directory` only. */
export async function takeCensus(directory: string): Promise<Census> {
  const census = new Map<string, number>();
  const add = (what: string) => census.set(what, (census.get(what) ?? 0) + 1);
  for (const target of await descriptors()) add(`fd ${target}`);
  for (const id of await names("/proc/self/task")) {
    const comm = await text(`/proc/self/task/${id}/comm`);
    if (/^worker-\d+$/.test(comm)) add(`thread ${comm}`);
    for (const child of (await text(`/proc/self/task/${id}/children`)).split(" ")) {
      if (child !== "") add(`process ${child} ${await text(`/proc/${child}/comm`)}`);
    }
  }
  for (const mount of await mountsBelow(directory)) add(`mount ${mount}`);
  for (const name of await names(directory)) add(`file ${directory}/${name}`);
  return census;
}

/** What is held more often after than before, sorted; with the difference where it is more than one. */
export function grown(before: Census, after: Census): string[] {
  const out: string[] = [];
  for (const [what, count] of after) {
    const more = count - (before.get(what) ?? 0);
    if (more > 0) out.push(more === 1 ? what : `${what} (${more} times)`);
  }
  return out.sort();
}

/** Mount points at and below a directory, in the order in which they were mounted. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const lines = (await Deno.readTextFile("/proc/self/mountinfo")).split("\n");
  const targets = lines.map((line) => unescape(line.split(" ")[4] ?? ""));
  return targets.filter((path) => path === directory || path.startsWith(`${directory}/`));
}

/** The kernel writes blanks, tabs, line ends and backslashes as `\ooo`. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}

/** Targets of all open descriptors, without those that this reading opens. */
async function descriptors(): Promise<string[]> {
  const out: string[] = [];
  for (const fd of await names("/proc/self/fd")) {
    // A descriptor may close between the listing and this call: then it is not held.
    const target = await Deno.readLink(`/proc/self/fd/${fd}`).catch(() => undefined);
    if (target !== undefined && !/^\/proc\/\d+\/(fd|task)/.test(target)) out.push(target);
  }
  return out;
}

async function names(directory: string): Promise<string[]> {
  const out: string[] = [];
  for await (const entry of Deno.readDir(directory)) out.push(entry.name);
  return out;
}

/** A file of /proc, trimmed; empty where the thread or process has just ended. */
async function text(path: string): Promise<string> {
  return (await Deno.readTextFile(path).catch(() => "")).trim();
}
