import { VarveError } from "../../errors.ts";

const SYMBOLS = {
  isal_inflate_init: { parameters: ["buffer"], result: "void" },
  isal_inflate: { parameters: ["buffer"], result: "i32" },
} as const;

/** The two functions of libisal that are used. */
export type IsalSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** A file of the library. */
export interface IsalFile {
  /** Where it is. */
  readonly path: string;
  /** Device, inode, size and time: another file has another identity. */
  readonly identity: string;
}

/** Where distributions put it. Nothing else is searched: a library that is found by chance is not trusted. */
const DIRECTORIES = [
  "/usr/lib/x86_64-linux-gnu",
  "/lib/x86_64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/usr/local/lib",
] as const;

/** The version whose `struct inflate_state` is known. */
const NAME = "libisal.so.2";

/** Finds the library on this machine. Opens nothing and asks for no permission. */
export function findIsalFile(directories: readonly string[] = DIRECTORIES): IsalFile | string {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    return `only known on Linux on x86-64, not on ${Deno.build.os} on ${Deno.build.arch}`;
  }
  // Asked first, because dlopen itself would prompt a person at a terminal.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return "FFI is not permitted (--allow-ffi)";
  }
  for (const directory of directories) {
    const path = `${directory}/${NAME}`;
    try {
      const { isFile, dev, ino, size, mtime } = Deno.statSync(path);
      if (isFile) return { path, identity: `${dev}:${ino}:${size}:${mtime?.getTime()}` };
    } catch {
      // Not there, or not for us to see.
    }
  }
  return `${NAME} is not installed`;
}

/** Opens the library. @throws {VarveError} `E_UNSUPPORTED` when it cannot be loaded */
export function openIsal({ path }: IsalFile): IsalSymbols {
  try {
    return Deno.dlopen(path, SYMBOLS).symbols;
  } catch (cause) {
    throw new VarveError("E_UNSUPPORTED", `Cannot load ${path}: it is not what it seems`, {}, {
      cause,
    });
  }
}
