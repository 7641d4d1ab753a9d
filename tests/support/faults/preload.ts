/** The preloaded library that fails syncs and renames of this process, as `preload.c` tells. */
import { constants } from "node:os";
import { run } from "../machine/process.ts";

const SOURCE = new URL("./preload.c", import.meta.url).pathname;

/** Calls that the library counts and fails. */
export type PreloadKind = "sync" | "rename";

const KINDS: Readonly<Record<PreloadKind, bigint>> = { sync: 1n, rename: 2n };

/** Variables that load the library into a process. */
export type PreloadVariables = Readonly<
  Record<"LD_PRELOAD" | "PRELOAD_CONTROL" | "PRELOAD_PREFIX", string>
>;

/** Builds the library in a directory. @param prefix calls count that have a path below it */
export async function buildPreload(directory: string, prefix: string): Promise<PreloadVariables> {
  const library = `${directory}/preload.so`;
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"];
  await run(["gcc", ...flags, "-o", library, SOURCE, "-ldl"]);
  const control = `${directory}/control`;
  await Deno.writeFile(control, new Uint8Array(40));
  return { LD_PRELOAD: library, PRELOAD_CONTROL: control, PRELOAD_PREFIX: prefix };
}

/** What fails. */
export interface PreloadFault {
  readonly kind: PreloadKind;
  /** The number of the first call that fails, from 1; absent to count only. */
  readonly at?: number;
  /** How many fail; 1 when absent. */
  readonly times?: number;
  readonly errno?: "EIO" | "ENOSPC" | "EDQUOT" | "EROFS";
}

/** Arms the library in this process. Dispose disarms it. */
export function failCalls(fault: PreloadFault): Disposable & { readonly count: () => number } {
  const path = Deno.env.get("PRELOAD_CONTROL");
  if (path === undefined) throw new Error("Cannot fail calls: the library is not preloaded");
  // Not truncated: a page of a mapped file that is gone ends the process.
  const write = (numbers: readonly bigint[]) => {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new Uint8Array(new BigInt64Array(numbers).buffer));
  };
  const errno = BigInt(constants.errno[(fault.errno ?? "EIO") as keyof typeof constants.errno]);
  const { at = 0, times = 1 } = fault;
  write([KINDS[fault.kind], BigInt(at), BigInt(times), errno, 0n]);
  return {
    count: () => Number(new BigInt64Array(Deno.readFileSync(path).buffer)[4]),
    [Symbol.dispose]: () => write([0n, 0n, 0n, 0n, 0n]),
  };
}
