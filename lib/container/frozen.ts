/** Whether the freezer of a container's cgroup has stopped every process: it is asked, and takes its time. */

/** Milliseconds between two looks, and looks before it is given up. */
const PAUSE = 2;
const LOOKS = 2500;

/**
 * Waits until the cgroup of a process is frozen. A runtime may only have asked for that when it returns
 * (cgroup v1: `FREEZING` goes before `FROZEN`), and until then files may still change.
 *
 * @returns whether it is; also where there is no freezer to ask
 */
export async function untilFrozen(pid: number): Promise<boolean> {
  const files = await freezerFiles(pid);
  for (let look = 0; look < LOOKS; look++) {
    const states = await Promise.all(files.map(isFrozen));
    const known = states.filter((state) => state !== undefined);
    if (known.length === 0 || known.some((state) => state)) return true;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return false;
}

/** What tells of the freezers of a process: v1's state, v2's events. */
async function freezerFiles(pid: number): Promise<string[]> {
  const text = await read(`/proc/${pid}/cgroup`) ?? "";
  const files: string[] = [];
  for (const line of text.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || path === "/") continue;
    if (controllers === "freezer") files.push(`/sys/fs/cgroup/freezer${path}/freezer.state`);
    if (controllers === "") {
      files.push(`/sys/fs/cgroup${path}/cgroup.events`);
      files.push(`/sys/fs/cgroup/unified${path}/cgroup.events`);
    }
  }
  return files;
}

/** `undefined` where there is no such freezer. */
async function isFrozen(file: string): Promise<boolean | undefined> {
  const text = await read(file);
  if (text === undefined) return undefined;
  return /^FROZEN$|^frozen 1$/m.test(text);
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const gone = error instanceof Deno.errors.NotFound ||
      error instanceof Error && "code" in error;
    if (!gone) throw error;
    return undefined;
  }
}
