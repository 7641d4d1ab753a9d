import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  type Fd,
  Open,
  openBeneath,
  type OwnedFd,
  ownFd,
  readDirectory,
  Resolve,
  statFd,
  tryStatAt,
  utimensFd,
} from "../../linux/mod.ts";
import { type Destination, join } from "./destination.ts";

/** One name that is moved, or one directory whose names are. */
export interface MergeStep {
  /** Its path in the staged directory. */
  readonly from: ByteString;
  /** Its path in the snapshot. */
  readonly to: ByteString;
  /** Whether it is a directory that the snapshot has, too. */
  readonly isMerged: boolean;
}

/** How staged files get into a snapshot. */
export interface MergePlan extends Destination {
  /** Directories come before what is in them. */
  readonly steps: readonly MergeStep[];
}

/** What {@linkcode planMerge} plans for. */
export interface MergeRequest extends Destination {
  readonly key: string;
  /** Whether the snapshot is the upper directory of an overlay. */
  readonly isOverlay: boolean;
}

/**
 * Decides what is moved to where. In an overlay, all directories that get names are then in its upper directory, with
 * their attributes. Nothing else changes.
 *
 * @param merged the snapshot as it is mounted
 * @throws {VarveError} `E_EXISTS` a file would take the place of a directory, or a directory that of a file · `E_TYPE` a
 * device that is a whiteout of overlayfs
 */
export function planMerge(merged: Fd, staged: Fd, request: MergeRequest): MergePlan {
  const { from, path, isContents, isOverlay } = request;
  const steps: MergeStep[] = [];
  const pending: MergeStep[] = [];
  const raise = (path: ByteString) => isOverlay && copyUp(merged, path);
  const visit = (step: Omit<MergeStep, "isMerged">) => {
    const isMerged = judge(merged, staged, step, request);
    steps.push({ ...step, isMerged });
    if (isMerged) pending.push({ ...step, isMerged });
  };
  visit({ from, to: path });
  if (pending.length === 0) raise(parentOf(path));
  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    const { from, to } = step;
    raise(to);
    using directory = openIn(staged, from);
    for (const { name } of readDirectory(directory.fd)) {
      visit({ from: join(from, name), to: join(to, name) });
    }
  }
  return { from, path, isContents, steps };
}

/** Whether both are directories. */
function judge(
  merged: Fd,
  staged: Fd,
  { from, to }: Omit<MergeStep, "isMerged">,
  { key }: MergeRequest,
): boolean {
  if (to === "") return true;
  const there = statIn(merged, to);
  const isDirectory = from === "" || statIn(staged, from)?.type === "directory";
  if (there === undefined) return false;
  if (isDirectory === (there.type === "directory")) return isDirectory;
  const subject = `${key}:/${escapeForTerminal(to)}`;
  throw new VarveError(
    "E_EXISTS",
    `Cannot copy to ${subject}: it is ${isDirectory ? "not " : ""}a directory there, and ${
      isDirectory ? "" : "not "
    }one here`,
    { subject, hint: "choose another name" },
  );
}

/** Lets overlayfs copy a directory, and those above it, into its upper directory: sets the time that it has. */
function copyUp(merged: Fd, path: ByteString): void {
  using directory = openIn(merged, path);
  utimensFd(directory.fd, statFd(directory.fd).mtime);
}

function statIn(root: Fd, path: ByteString): ReturnType<typeof tryStatAt> {
  using parent = openIn(root, parentOf(path));
  return tryStatAt(parent.fd, lastOf(path));
}

/** Opens a directory below a root, through no symbolic link. */
export function openIn(root: Fd, path: ByteString): OwnedFd {
  return ownFd(openBeneath(root, path === "" ? "." as ByteString : path, {
    flags: Open.READ | Open.DIRECTORY | Open.NO_FOLLOW,
    resolve: Resolve.BENEATH | Resolve.NO_SYMLINKS | Resolve.NO_MAGICLINKS | Resolve.NO_XDEV,
  }));
}

/** The part of a path before its last name. */
export function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf("/"))) as ByteString;
}

/** The last name of a path. */
export function lastOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1) as ByteString;
}
