/** The freezer of a container's cgroup. It stops the processes some time after the request. */
import { readKernelFile } from "../linux/mod.ts";

/** Milliseconds between two checks of the freezer. */
const PAUSE = 2;
/** Number of checks before the wait is given up. */
const LOOKS = 500;

/**
 * Waits until the cgroup of a process is frozen. A runtime may return when it has only requested the freeze (cgroup v1:
 * `FREEZING` comes before `FROZEN`), and files may still change then.
 *
 * @returns whether the cgroup is frozen; also true if there is no freezer
 */
export async function untilFrozen(pid: number): Promise<boolean> {
  const files = freezerFiles(pid);
  for (let look = 0; look < LOOKS; look++) {
    const states = files.map(isFrozen);
    const known = states.filter((state) => state !== undefined);
    if (known.length === 0 || known.some((state) => state)) return true;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return false;
}

/** Paths of the files that show the state of a process's freezers: `freezer.state` in v1, `cgroup.events` in v2. */
function freezerFiles(pid: number): string[] {
  const text = readKernelFile(`/proc/${pid}/cgroup`) ?? "";
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

/** Whether a freezer's file says "frozen"; `undefined` when the file does not exist. */
function isFrozen(file: string): boolean | undefined {
  const text = readKernelFile(file);
  if (text === undefined) return undefined;
  return /^FROZEN$|^frozen 1$/m.test(text);
}
