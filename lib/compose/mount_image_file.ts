import type { ByteString } from "../bytes/mod.ts";
import {
  attachLoop,
  isErrno,
  type LoopDevice,
  type Mount,
  performMount,
  type PerformMountOptions,
} from "../linux/mod.ts";

/** Option of an EROFS mount that names a layer tar. It is given once for each tar, in order. */
const DEVICE = "device=";

/** How an image is mounted: the kernel reads the files itself, or through loop devices over them. */
export type MountedBy = "files" | "loop devices";

/** Options of {@linkcode mountImageFile}. */
export interface MountImageFileOptions extends PerformMountOptions {
  /** For tests: mount through loop devices, as on kernels before 6.12. Default: false. */
  readonly withoutFiles?: boolean | undefined;
}

/**
 * Mounts an image and its devices, as files if the kernel can do that: since Linux 6.12, and only on some file systems.
 * Otherwise the image is mounted through loop devices.
 *
 * @returns how it was mounted
 * @throws {VarveError} `E_UNSUPPORTED`, `E_SYSCALL` as `performMount`
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

/**
 * Mounts through loop devices. The kernel accepts only files or only block devices for one mount, so the image and
 * every tar get a loop device. The kernel detaches the loop devices when the image is unmounted.
 */
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
    // The mount keeps the devices attached now. If the mount failed, closing the descriptors detaches them.
    for (const loop of loops) loop[Symbol.dispose]();
  }
}
