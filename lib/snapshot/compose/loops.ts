import type { ByteString } from "../../bytes/mod.ts";
import { attachLoop, type LoopDevice, type Mount, performMount } from "../../linux/mod.ts";

const DEVICE = "device=";

/**
 * Mounts an image and its devices through loop devices, all of them: the kernel takes either
 * files or block devices, not both. The loop devices go with the mount.
 *
 * @throws {VarveError} `E_UNSUPPORTED` without loop devices, `E_SYSCALL`
 */
export function performOnLoops(mount: Mount, target: ByteString): void {
  const loops: LoopDevice[] = [];
  try {
    const attach = (path: ByteString): ByteString => {
      const loop = attachLoop(path);
      loops.push(loop);
      return loop.path;
    };
    performMount({
      ...mount,
      source: attach(mount.source),
      options: mount.options.filter((option) => option !== "directio").map((option) =>
        option.startsWith(DEVICE)
          ? DEVICE + attach(option.slice(DEVICE.length) as ByteString)
          : option
      ),
    }, target);
  } finally {
    // The mount holds them now; without one, closing ends them.
    for (const loop of loops) loop[Symbol.dispose]();
  }
}
