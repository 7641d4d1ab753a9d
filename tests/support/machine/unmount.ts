/** Unmounting in tests. */
import { runAny } from "./process.ts";
import { waitUntil } from "./wait.ts";

/** Milliseconds: what is busy for longer is held by somebody. */
const DEADLINE = 30_000;

/**
 * Unmounts a disk with all that is mounted in it, once nobody uses it any more.
 *
 * Tests run beside each other. A mount namespace of another test has copies of this one's mounts: varve does not unmount
 * the lower of a mount that lives on there, so a lower can be left in a store on the disk. And a child that another test
 * is forking has copies of this process's open files until it runs its program: for so long the target is busy.
 *
 * @throws {Error} with umount's words where it fails otherwise, or stays busy
 */
export async function unmount(path: string): Promise<void> {
  let words = "";
  await waitUntil(`${path} to be free`, async () => {
    const { code, stderr } = await runAny(["umount", "-R", path]);
    if (code === 0) return true;
    words = stderr.trim();
    if (!words.includes("busy")) throw new Error(`Cannot unmount ${path}: ${words}`);
  }, { seen: () => words, deadline: DEADLINE });
}
