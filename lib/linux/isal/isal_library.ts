import { VarveError } from "../../errors.ts";

const SYMBOLS = {
  isal_inflate_init: { parameters: ["buffer"], result: "void" },
  isal_inflate: { parameters: ["buffer"], result: "i32" },
} as const;

/** The two functions of libisal that varve calls. */
export type IsalSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** An installed library. */
export interface IsalFile {
  /** Path of the file. */
  readonly path: string;
  /** Device, inode, size and modification time. A changed file has another identity. */
  readonly identity: string;
}

/**
 * Where distributions install the library. No search path is used, because it could lead to an
 * attacker's file.
 */
const DIRECTORIES = [
  "/usr/lib/x86_64-linux-gnu",
  "/lib/x86_64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/usr/local/lib",
] as const;

/** The only version of the interface whose `struct inflate_state` varve knows. */
const NAME = "libisal.so.2";

/**
 * Looks for the library. It opens nothing, and never prompts for a permission.
 *
 * @returns the library, or the reason why there is none
 */
export function findIsalFile(directories: readonly string[] = DIRECTORIES): IsalFile | string {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    return `only known on Linux on x86-64, not on ${Deno.build.os} on ${Deno.build.arch}`;
  }
  // Query the permission first: at a terminal, dlopen would prompt for it.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return "FFI is not permitted (--allow-ffi)";
  }
  for (const directory of directories) {
    const path = `${directory}/${NAME}`;
    try {
      const { isFile, dev, ino, size, mtime } = Deno.statSync(path);
      if (isFile) return { path, identity: `${dev}:${ino}:${size}:${mtime?.getTime()}` };
    } catch {
      // It does not exist, or this process may not see it.
    }
  }
  return `${NAME} is not installed`;
}

/** Loads the library. @throws {VarveError} `E_UNSUPPORTED` when it cannot be loaded */
export function openIsal({ path }: IsalFile): IsalSymbols {
  try {
    return Deno.dlopen(path, SYMBOLS).symbols;
  } catch (cause) {
    throw new VarveError("E_UNSUPPORTED", `Cannot load ${path}: it is not a usable library`, {}, {
      cause,
    });
  }
}
