import type { ByteString } from "../bytes/mod.ts";
import { type DirectoryEntry, type Fd, isErrno, readDirectory, seekFd } from "../linux/mod.ts";
import { DirectoryStack } from "./directory_stack.ts";

/** Callbacks of a walk. Descriptors are valid only during the call. */
export interface DirectoryVisitor {
  /** Called for each name of a directory, before any directory in it is entered. */
  entry(directory: Fd, entry: DirectoryEntry): void;
  /** Called when a directory is entered. */
  enter?(name: ByteString): void;
  /** Called when everything in a directory was visited. The last call is for the top directory. */
  leave?(directory: Fd): void;
  /**
   * Whether other processes may be changing the tree. If so, a directory that has disappeared
   * before the walk enters it is skipped.
   */
  readonly inUse?: boolean | undefined;
}

/**
 * Visits everything in a directory, at any depth, with few descriptors and no recursion.
 *
 * @param checkpoint called before each name; if it throws, the walk ends with that error
 */
export function walkDirectory(
  root: Fd,
  visitor: DirectoryVisitor,
  checkpoint: () => void = () => {},
): void {
  // Rewind, because another user of the descriptor may have moved its position.
  seekFd(root, 0, "start");
  using stack = new DirectoryStack(root);
  // For each directory from the top to the current directory: the names of directories in it that
  // are still to be entered.
  const pending = [visitNames(root, visitor, checkpoint)];
  for (let names = pending.at(-1); names !== undefined; names = pending.at(-1)) {
    const name = names.pop();
    if (name === undefined) {
      visitor.leave?.(stack.fd);
      pending.pop();
      if (pending.length > 0) stack.leave();
    } else if (enter(stack, name, visitor)) {
      pending.push(visitNames(stack.fd, visitor, checkpoint));
    }
  }
}

function visitNames(
  directory: Fd,
  visitor: DirectoryVisitor,
  checkpoint: () => void,
): ByteString[] {
  const directories: ByteString[] = [];
  for (const entry of readDirectory(directory)) {
    checkpoint();
    visitor.entry(directory, entry);
    if (entry.type === "directory") directories.push(entry.name);
  }
  return directories;
}

function enter(stack: DirectoryStack, name: ByteString, visitor: DirectoryVisitor): boolean {
  try {
    stack.enter(name);
  } catch (error) {
    if (visitor.inUse && isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return false;
    throw error;
  }
  visitor.enter?.(name);
  return true;
}
