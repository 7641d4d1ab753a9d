import type { ByteString } from "../bytes/mod.ts";
import { type DirectoryEntry, type Fd, isErrno, readDirectory, seekFd } from "../linux/mod.ts";
import { DirectoryStack } from "./directory_stack.ts";

/** What a walk calls. Descriptors are valid during the call. */
export interface DirectoryVisitor {
  /** For each name of a directory, before any directory in it is entered. */
  entry(directory: Fd, entry: DirectoryEntry): void;
  /** A directory is entered. */
  enter?(name: ByteString): void;
  /** A directory and all below it was visited; the top comes last. */
  leave?(directory: Fd): void;
  /** The tree is in use: a directory that is gone when it is to be entered is passed over. */
  readonly inUse?: boolean | undefined;
}

/** Visits all that is in a directory, at any depth, with few descriptors and no recursion. */
export function walkDirectory(root: Fd, visitor: DirectoryVisitor): void {
  // Others that have the descriptor may have read the directory.
  seekFd(root, 0, "start");
  using stack = new DirectoryStack(root);
  // What is still to be entered, for each directory on the way.
  const pending = [visitNames(root, visitor)];
  for (let names = pending.at(-1); names !== undefined; names = pending.at(-1)) {
    const name = names.pop();
    if (name === undefined) {
      visitor.leave?.(stack.fd);
      pending.pop();
      if (pending.length > 0) stack.leave();
    } else if (enter(stack, name, visitor)) {
      pending.push(visitNames(stack.fd, visitor));
    }
  }
}

function visitNames(directory: Fd, visitor: DirectoryVisitor): ByteString[] {
  const directories: ByteString[] = [];
  for (const entry of readDirectory(directory)) {
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
