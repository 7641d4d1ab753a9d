import { fromText } from "../bytes/mod.ts";
import { NO_BASE, scanInPool } from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import {
  type ImageIngest,
  importLayer,
  type IngestedLayer,
  type JobContent,
} from "../image/internal.ts";
import type { ImportOptions, LoadedImage } from "../image/mod.ts";
import { CWD, isErrno, Open, openAt, type OwnedFd, ownFd } from "../linux/mod.ts";
import type { Pool } from "../pool/mod.ts";
import { requireDisk } from "../store/internal.ts";
import type { Store } from "../store/mod.ts";
import { emptyLayer } from "./empty_layer.ts";

/**
 * Makes an image with one layer from a directory that holds a root filesystem.
 *
 * The layer is deterministic: the same files give the same tar, whatever the order in the file system and the number of
 * workers. It keeps owners, times in nanoseconds, hard links, and the xattrs that the policy keeps. Sockets are left
 * out, with a warning that counts them. A mount below the directory is an error.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_NOT_DIR` no such directory · `E_BUSY` something changed while it was read ·
 *   `E_XDEV` a mount inside · `E_WHITEOUT_NAME` a name that a layer cannot hold · `E_UNSUPPORTED` the store is not on
 *   disk · `E_USAGE` a malformed name · `E_LIMIT` · `E_SYSCALL`
 *
 * @example
 * ```ts ignore
 * const image = await importDirectory(store, "./rootfs", { name: "app:1" });
 * ```
 */
export async function importDirectory(
  store: Store,
  path: string,
  options: ImportOptions,
): Promise<LoadedImage> {
  requireDisk(store, "import a directory");
  using root = open(path);
  const bring = async ({ layers, pool }: ImageIngest): Promise<IngestedLayer> => {
    const layer = await layers.create(path, directoryContent(pool, root.fd));
    if (layer === null) throw new Error("the job made no layer from a directory");
    return layer;
  };
  return await importLayer(store, bring, options);
}

function directoryContent(pool: Pool, root: OwnedFd["fd"]): JobContent {
  return {
    kind: "job",
    size: 0,
    async run({ input, signal, onProgress }) {
      const { target, policy, limits } = input;
      const { layer, warnings } = await scanInPool({
        pool,
        root,
        form: "plain",
        base: NO_BASE,
        rules: { policy, limits },
        target,
        signal,
        onProgress: (read) => onProgress({ read, written: 0 }),
      });
      return { ...layer ?? await emptyLayer(pool, target, signal), warnings };
    },
  };
}

function open(path: string): OwnedFd {
  try {
    return ownFd(openAt(CWD, fromText(path), Open.READ | Open.DIRECTORY));
  } catch (error) {
    if (isErrno(error, "ENOENT")) {
      throw new VarveError("E_NOT_FOUND", `Cannot import ${path}: there is no such directory`, {
        subject: path,
      });
    }
    if (isErrno(error, "ENOTDIR")) {
      throw new VarveError("E_NOT_DIR", `Cannot import ${path}: it is not a directory`, {
        subject: path,
      });
    }
    throw error;
  }
}
