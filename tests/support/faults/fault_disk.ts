/** A directory on a file system that fails at random, as `fault_fs.c` tells. */
import { needs, type Skip } from "../machine/needs.ts";
import { run } from "../machine/process.ts";
import { waitUntil } from "../machine/wait.ts";

const SOURCE = new URL("./fault_fs.c", import.meta.url).pathname;

/** Skips a test where there can be no such file system. */
export function needsFaultDisk(): Skip {
  const isThere = (path: string) => {
    try {
      return Deno.statSync(path) !== undefined;
    } catch {
      return false;
    }
  };
  const missing = ["/dev/fuse", "/usr/include/fuse3/fuse.h"].find((path) => !isThere(path));
  return needs({ root: true, mount: true, tools: ["gcc"], other: missing });
}

/** How often calls failed. */
export interface DiskFaults {
  /** Writes that failed. */
  readonly writes: number;
  /** Writes of which a part was written. */
  readonly shorts: number;
  /** Syncs that failed. */
  readonly syncs: number;
}

/** A file system that fails at random. Dispose unmounts it. */
export interface FaultDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  /** Lets one of so many writes and syncs fail, at random, until the result is disposed. */
  fail(every: number, seed: number): Disposable & { readonly faults: () => DiskFaults };
  /** Mounts it anew: what was lost is seen then. */
  remount(): Promise<void>;
}

/** Mounts one. @param dir an empty directory for all that is needed */
export async function faultDisk(dir: string): Promise<FaultDisk> {
  const [program, backing, control, path] = ["program", "backing", "control", "disk"].map((name) =>
    `${dir}/${name}`
  ) as [string, string, string, string];
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror"];
  await run(["gcc", ...flags, "-o", program, SOURCE, "-lfuse3", "-lpthread"]);
  await Deno.mkdir(backing);
  await Deno.mkdir(path);
  await Deno.writeFile(control, new Uint8Array(40));
  const write = (numbers: readonly bigint[]) => {
    using file = Deno.openSync(control, { write: true });
    file.writeSync(new Uint8Array(new BigUint64Array(numbers).buffer));
  };
  let daemon: Deno.ChildProcess | undefined;
  const { dev } = await Deno.stat(dir);
  const mount = async () => {
    daemon = new Deno.Command(program, { args: [backing, control, path], stdin: "null" }).spawn();
    await waitUntil("the file system", async () => (await Deno.stat(path)).dev !== dev);
  };
  const unmount = async () => {
    await run(["umount", path]).catch(() => run(["umount", "-l", path]));
    await daemon?.status;
  };
  await mount();
  return {
    path,
    fail(every, seed) {
      write([BigInt(every), BigInt(seed) * 0x9e3779b97f4a7c15n % 2n ** 64n, 0n, 0n, 0n]);
      return {
        faults: () => {
          const numbers = new BigUint64Array(Deno.readFileSync(control).buffer);
          const [writes = 0, shorts = 0, syncs = 0] = [...numbers.subarray(2)].map(Number);
          return { writes, shorts, syncs };
        },
        [Symbol.dispose]: () => write([0n]),
      };
    },
    async remount() {
      await unmount();
      await mount();
    },
    [Symbol.asyncDispose]: unmount,
  };
}
