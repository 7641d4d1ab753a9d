import { VarveError } from "../../errors.ts";

/**
 * The functions of libc that varve calls, with their types.
 *
 * Results of type `ssize_t` are declared as `i32`: a 64-bit result would be a `bigint`, and no call
 * moves more than {@linkcode MAX_TRANSFER} bytes. Variadic functions (`openat`, `fcntl`, `ioctl`,
 * `syscall`) take their arguments in the same registers as ordinary functions, on x86-64 and on Linux
 * for aarch64.
 */
const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  memcpy: { parameters: ["buffer", "pointer", "usize"], result: "void" },
  // descriptors
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  copy_file_range: {
    parameters: ["i32", "buffer", "i32", "buffer", "usize", "u32"],
    result: "i32",
  },
  fsync: { parameters: ["i32"], result: "i32" },
  syncfs: { parameters: ["i32"], result: "i32" },
  sync_file_range: { parameters: ["i32", "i64", "i64", "u32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  fcntl_lock: { name: "fcntl", parameters: ["i32", "i32", "buffer"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  // names
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  mknodat: { parameters: ["i32", "buffer", "u32", "u64"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  readlinkat: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  // attributes
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  fchmodat: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  fchownat: { parameters: ["i32", "buffer", "u32", "u32", "i32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
  fsetxattr: { parameters: ["i32", "buffer", "buffer", "usize", "i32"], result: "i32" },
  fgetxattr: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  flistxattr: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  fremovexattr: { parameters: ["i32", "buffer"], result: "i32" },
  lsetxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
  lgetxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "i32" },
  llistxattr: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  // mounts and the process
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  geteuid: { parameters: [], result: "u32" },
  umask: { parameters: ["u32"], result: "u32" },
  getegid: { parameters: [], result: "u32" },
  uname: { parameters: ["buffer"], result: "i32" },
  // Calls without a wrapper in glibc 2.31. They go through `syscall`, by number. Each has its own
  // types.
  getdents64: { name: "syscall", parameters: ["i64", "i32", "buffer", "usize"], result: "i32" },
  ustat: { name: "syscall", parameters: ["i64", "u32", "buffer"], result: "i32" },
  openat2: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "buffer", "usize"],
    result: "i32",
  },
  fsopen: { name: "syscall", parameters: ["i64", "buffer", "u32"], result: "i32" },
  fsconfig: {
    name: "syscall",
    parameters: ["i64", "i32", "u32", "buffer", "buffer", "i32"],
    result: "i32",
  },
  fsmount: { name: "syscall", parameters: ["i64", "i32", "u32", "u32"], result: "i32" },
  move_mount: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "i32", "buffer", "u32"],
    result: "i32",
  },
  open_tree: { name: "syscall", parameters: ["i64", "i32", "buffer", "u32"], result: "i32" },
  mount_setattr: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "u32", "buffer", "usize"],
    result: "i32",
  },
} as const;

type Symbols = typeof SYMBOLS;

/** Maximum number of bytes in one call, because results are declared as 32-bit numbers. */
export const MAX_TRANSFER = 0x4000_0000;

/** Deno accepts numbers as 64-bit arguments, which is faster. Its types allow only `bigint`. */
type Numeric<F> = {
  [K in keyof F]: F[K] extends (...args: infer A) => infer R
    ? (...args: { [I in keyof A]: A[I] extends bigint ? number | bigint : A[I] }) => R
    : F[K];
};

/** The functions of libc, with their types. */
export type Libc = Numeric<Deno.DynamicLibrary<Symbols>["symbols"]>;

/** Names of glibc and musl, as the dynamic loader knows them. */
const NAMES: readonly string[] = [
  "libc.so.6",
  "libc.musl-x86_64.so.1",
  "libc.musl-aarch64.so.1",
];

/** Where distributions install libc: Debian, then others. */
const DIRECTORIES: readonly string[] = [
  `/lib/${Deno.build.arch}-linux-gnu`,
  `/usr/lib/${Deno.build.arch}-linux-gnu`,
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
];

let loaded: Libc | undefined;
let isLazy = false;

/**
 * Lets {@linkcode libc} open each function when it is first used, but for those that every command with a store calls.
 * Opening all takes 0.2 ms for each, 11 ms of CPU in all. A library should not do so: each function counts as opened
 * by the test that first used it.
 */
export function openLazily(): void {
  isLazy = true;
}

/**
 * The functions of libc. The first call in a thread opens the library; an import opens nothing.
 *
 * @throws {VarveError} `E_UNSUPPORTED` without Linux or without libc, `E_DENIED` without permission for FFI
 */
export function libc(): Libc {
  if (loaded !== undefined) return loaded;
  if (Deno.build.os !== "linux" || !["x86_64", "aarch64"].includes(Deno.build.arch)) {
    throw new VarveError(
      "E_UNSUPPORTED",
      `Cannot call the kernel: ${Deno.build.os} on ${Deno.build.arch} is not Linux on x86-64 or aarch64`,
    );
  }
  const names = permittedNames();
  // At a terminal, prompt for FFI with all libraries. If dlopen prompted instead, Deno would take the
  // bare name as a file in the working directory.
  if (names.length === 0 && isGranted(Deno.permissions.requestSync({ name: "ffi" }))) {
    names.push(...NAMES);
  }
  if (names.length === 0) {
    throw new VarveError("E_DENIED", "Cannot call the kernel: FFI is not permitted", {
      hint: `run Deno with --allow-ffi, or for libc alone with --allow-ffi=${DIRECTORIES[0]}/${
        NAMES[0]
      }`,
    });
  }
  let cause: unknown;
  for (const name of names) {
    try {
      return loaded = isLazy ? lazyLibc(name) : Deno.dlopen(name, SYMBOLS).symbols as Libc;
    } catch (error) {
      cause ??= error;
    }
  }
  throw new VarveError("E_UNSUPPORTED", "Cannot call the kernel: no libc was found", {}, { cause });
}

function lazyLibc(name: string): Libc {
  // What reads errno is opened first: opening a function may change errno.
  const { __errno_location, memcpy, openat, close, pread, fallocate, statx } = SYMBOLS;
  const { fstatfs, geteuid, getdents64 } = SYMBOLS;
  // What the opening of a store calls: all at once they take a quarter less CPU than one by one.
  const stores = { openat, close, pread, fallocate, statx, fstatfs, geteuid, getdents64 };
  const functions = { ...Deno.dlopen(name, { __errno_location, memcpy, ...stores }).symbols };
  for (const key of Object.keys(SYMBOLS) as (keyof Symbols)[]) {
    if (key in functions) continue;
    const open = () => Deno.dlopen(name, { [key]: SYMBOLS[key] }).symbols[key];
    const define = (rest: PropertyDescriptor) =>
      Object.defineProperty(functions, key, { configurable: true, enumerable: true, ...rest });
    define({
      get: () => {
        const value = open();
        define({ value });
        return value;
      },
    });
  }
  return functions as Libc;
}

/**
 * Whether Deno permits this process to call libc. It never prompts for the permission.
 */
export function isPermitted(): boolean {
  return permittedNames().length > 0;
}

/**
 * The names or paths of libc that Deno permits this process to open. If Deno permits only certain libraries,
 * they are absolute paths, because Deno would take a bare name as a file in the working directory.
 */
function permittedNames(): string[] {
  if (isGranted(Deno.permissions.querySync({ name: "ffi" }))) return [...NAMES];
  return DIRECTORIES.flatMap((directory) => NAMES.map((name) => `${directory}/${name}`))
    .filter((path) => isGranted(Deno.permissions.querySync({ name: "ffi", path })));
}

function isGranted({ state }: Deno.PermissionStatus): boolean {
  return state === "granted";
}

/** Whether this process can make system calls here. Never throws. */
export function isSupported(): boolean {
  try {
    libc();
    return true;
  } catch {
    return false;
  }
}
