/** Permission bits of users other than the owner and the group. */
const OTHERS = 0o007;

/**
 * Replaces a file atomically, or creates it. Users other than the owner and the group can never
 * read it, not even while it is written.
 *
 * A symbolic link stays a link: its target is replaced. A new file has mode 0600. An existing file
 * keeps owner, group and mode, but a mode that gives rights to all users becomes 0600.
 */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const target = await resolveLinks(path);
  const before = await Deno.stat(target).catch(() => undefined);
  await Deno.mkdir(directoryOf(target), { recursive: true, mode: 0o700 });
  const temporary = `${target}.${crypto.randomUUID()}`;
  try {
    await writeSynced(temporary, bytes, before);
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** The file that a path leads to through symbolic links. The file may not exist. */
async function resolveLinks(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    // Continue only when the target does not exist. A circle of links fails with another error.
    if (!(error instanceof Deno.errors.NotFound)) return path;
    const link = await Deno.readLink(path).catch(() => undefined);
    if (link === undefined) return path;
    return await resolveLinks(link.startsWith("/") ? link : `${directoryOf(path)}/${link}`);
  }
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/**
 * Writes a new file and syncs it before the rename. Otherwise a crash could leave an empty file
 * under the name.
 */
async function writeSynced(
  path: string,
  bytes: Uint8Array,
  before: Deno.FileInfo | undefined,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  if (before !== undefined) await copyOwner(before, path);
  await file.sync();
}

/** Gives a file the owner, the group and the mode of the file that it replaces. */
async function copyOwner({ uid, gid, mode }: Deno.FileInfo, path: string): Promise<void> {
  try {
    await Deno.chown(path, uid, gid);
  } catch {
    // Without the right to change the owner, keep mode 0600: the old mode was meant for another
    // group.
    return;
  }
  // A mode that lets all users read is the default of new files, not a choice, and is too wide for
  // a password.
  if (mode !== null && (mode & OTHERS) === 0) await Deno.chmod(path, mode & 0o777);
}
