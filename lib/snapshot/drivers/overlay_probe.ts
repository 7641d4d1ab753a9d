import { type ByteString, fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  effectiveUser,
  existsAt,
  type Fd,
  fileSystemOf,
  lockFd,
  mayMount,
  mknodAt,
  openDirectoryAt,
  overlayMount,
  ownFd,
  performMount,
  performUnmount,
  removeTree,
  setXattrAt,
  statFd,
} from "../../linux/mod.ts";
import type { Store } from "../../store/mod.ts";

const PREFIX = "probe-";

/** Seconds after which a probe has surely got to its lock. */
const OLD = 60;

/**
 * Tries an overlay on the store's own file system, with all that the driver
 * relies on: a whiteout, an opaque directory, a write. The only answer that
 * holds for this kernel, this user and this file system together.
 *
 * @returns true, or why it does not work
 */
export function overlayWorks(store: Store): true | string {
  const { directories } = store;
  if (directories === null) return "the store has no directories";
  if (!mayMount()) {
    return effectiveUser() === 0
      ? "this process may not mount (no CAP_SYS_ADMIN)"
      : "only root may mount";
  }
  removeLeft(directories.mounts);
  const base = Deno.makeTempDirSync({ dir: directories.mounts, prefix: PREFIX });
  using lock = ownFd(openDirectoryAt(CWD, fromText(base)));
  lockFd(lock.fd, "shared");
  try {
    if (fileSystemOf(lock.fd).type === "overlay") {
      return "the store lies on an overlay, which cannot be the upper directory of another";
    }
    return probe(base);
  } catch (error) {
    if (error instanceof VarveError) return error.message;
    if (error instanceof Error && "code" in error) return error.message;
    throw error;
  } finally {
    remove(base);
  }
}

function probe(base: string): true | string {
  const at = (name: string): ByteString => fromText(`${base}/${name}`);
  for (const name of ["lower/dir", "middle/dir", "upper", "work", "merged"]) {
    Deno.mkdirSync(`${base}/${name}`, { recursive: true });
  }
  Deno.writeTextFileSync(`${base}/lower/hidden`, "");
  Deno.writeTextFileSync(`${base}/lower/dir/hidden`, "");
  mknodAt(CWD, at("middle/hidden"), "char", 0o600);
  setXattrAt(CWD, at("middle/dir"), fromText("trusted.overlay.opaque"), fromText("y"));
  const upper = { directory: at("upper"), work: at("work") };
  performMount(overlayMount({ lowers: [at("middle"), at("lower")], upper }), at("merged"));
  Deno.writeTextFileSync(`${base}/merged/dir/new`, "");
  if (existsAt(CWD, at("merged/hidden")) || existsAt(CWD, at("merged/dir/hidden"))) {
    return "overlay does not hide lower files here";
  }
  return true;
}

/** Removes what probes left that were killed. One that runs holds its lock, once it got to it. */
function removeLeft(mounts: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(mounts)) {
    if (!isDirectory || !name.startsWith(PREFIX)) continue;
    let fd: Fd;
    try {
      fd = openDirectoryAt(CWD, fromText(`${mounts}/${name}`));
    } catch {
      continue;
    }
    using left = ownFd(fd);
    const { lo, hi } = statFd(left.fd).mtime;
    const age = Date.now() / 1000 - (hi * 0x1_0000_0000 + lo);
    if (age > OLD && lockFd(left.fd, "exclusive")) remove(`${mounts}/${name}`);
  }
}

function remove(base: string): void {
  performUnmount(fromText(`${base}/merged`), { lazy: true });
  const slash = base.lastIndexOf("/");
  using parent = ownFd(openDirectoryAt(CWD, fromText(base.slice(0, slash))));
  removeTree(parent.fd, fromText(base.slice(slash + 1)));
}
