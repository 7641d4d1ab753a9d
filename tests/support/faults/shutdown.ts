/**
 * Shuts a file system down as a loss of power does: nothing more reaches its disk, not even what its journal has in
 * memory. As a program: `deno run -A shutdown.ts PATH`. Known to ext4 and xfs.
 */

/** The request of ioctl(2), which ext4 has from xfs. */
const SHUTDOWN = 0x8004587dn;

/** Without writing the journal out. */
const NO_LOG_FLUSH = 2;

/** O_RDONLY: the descriptor only names the file system. */
const READ_ONLY = 0;

/** Shuts down the file system of a path. From then on each call there fails with EIO. */
export function shutDown(path: string): void {
  const libc = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  try {
    const fd = libc.symbols.open(new TextEncoder().encode(`${path}\0`), READ_ONLY);
    if (fd < 0) throw new Error(`Cannot open ${path}`);
    const how = new Uint32Array([NO_LOG_FLUSH]);
    const result = libc.symbols.ioctl(fd, SHUTDOWN, new Uint8Array(how.buffer));
    libc.symbols.close(fd);
    if (result !== 0) throw new Error(`Cannot shut down the file system of ${path}`);
  } finally {
    libc.close();
  }
}

if (import.meta.main) shutDown(Deno.args[0] as string);
