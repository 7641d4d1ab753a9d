import type { ByteString } from "../bytes/mod.ts";
import {
  attachLoop,
  isErrno,
  type LoopDevice,
  type Mount,
  performMount,
  type PerformMountOptions,
} from "../linux/mod.ts";

const DEVICE = "device=";

/** How an image is mounted: the kernel reads the files itself, or block devices that stand for them. */
export type MountedBy = "files" | "loop devices";

/** How {@linkcode mountImageFile} mounts. */
export interface MountImageFileOptions extends PerformMountOptions {
  /** Tests: no files, as on kernels before 6.12. */
  readonly withoutFiles?: boolean | undefined;
}

/**
 * Mounts an image and its devices: as files, and where the kernel cannot read those of this file
 * system, or of none (before 6.12), through loop devices.
 *
 * @throws {VarveError} `E_UNSUPPORTED`, `E_SYSCALL`
 */
export function mountImageFile(
  mount: Mount,
  target: ByteString,
  options: MountImageFileOptions = {},
): MountedBy {
  if (options.withoutFiles !== true) {
    try {
      performMount(mount, target, options);
      return "files";
    } catch (error) {
      if (!isErrno(error, "ENOTBLK")) throw error;
    }
  }
  mountOnLoops(mount, target, options);
  return "loop devices";
}

/** All of them, for the kernel takes either files or block devices. They go with the mount. */
function mountOnLoops(mount: Mount, target: ByteString, options: PerformMountOptions): void {
  const loops: LoopDevice[] = [];
  try {
    const attach = (path: ByteString): ByteString => {
      const loop = attachLoop(path);
      loops.push(loop);
      return loop.path;
    };
    performMount(
      {
        ...mount,
        source: attach(mount.source),
        options: mount.options.filter((option) => option !== "directio").map((option) =>
          option.startsWith(DEVICE)
            ? DEVICE + attach(option.slice(DEVICE.length) as ByteString)
            : option
        ),
      },
      target,
      options,
    );
  } finally {
    // The mount holds them now; without one, closing ends them.
    for (const loop of loops) loop[Symbol.dispose]();
  }
}
