/** The file that marks a paused container. The process that pauses it keeps the file locked until it resumes it. */
import { fromText } from "../bytes/mod.ts";
import { CWD, isErrno, Open, openAt, ownFd, sameInode, statFd, tryStatAt } from "../linux/mod.ts";
import { type ContainerRun, RUN_FILES } from "./container_run.ts";

/** A marker that this process has locked. If it is disposed before it is removed, it counts as left. */
export interface PauseMarker extends Disposable {
  /** Whether a process that was killed has left it: the container may be paused. */
  readonly wasLeft: boolean;
  /** Removes the marker. */
  remove(): void;
}

/**
 * Marks a container as paused.
 *
 * @returns `undefined` when another process has done so · `null` when the run has ended
 */
export function makeMarker(run: ContainerRun): PauseMarker | undefined | null {
  const marker = lockMarker(run, Open.CREATE);
  // This needs no space on the disk. A marker that is empty was never locked.
  if (marker) Deno.truncateSync(pathOf(run), 1);
  return marker;
}

/** The marker that a killed process has left; `undefined` when there is none. */
export function leftMarker(run: ContainerRun): PauseMarker | undefined {
  // An empty one is being made at this moment. Locking it would be in the way.
  const size = tryStatAt(CWD, fromText(pathOf(run)))?.size ?? 0;
  return size === 0 ? undefined : lockMarker(run, 0) ?? undefined;
}

function lockMarker(run: ContainerRun, flags: number): PauseMarker | undefined | null {
  const path = pathOf(run);
  for (;;) {
    using stack = new DisposableStack();
    try {
      const lock = stack.use(
        ownFd(openAt(CWD, fromText(path), Open.READ_WRITE | Open.NO_FOLLOW | flags, 0o600)),
      );
      if (!lock.lock("exclusive")) return undefined;
      const [mine, there] = [statFd(lock.fd), tryStatAt(CWD, fromText(path))];
      // Its holder may have removed it meanwhile.
      if (there === undefined || !sameInode(mine, there)) continue;
      const owned = stack.move();
      return {
        wasLeft: mine.size > 0,
        remove: () => removeFile(path),
        [Symbol.dispose]: () => owned[Symbol.dispose](),
      };
    } catch (error) {
      if (isErrno(error, "ENOENT")) return null;
      throw error;
    }
  }
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    // The container ended meanwhile.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function pathOf({ directory }: ContainerRun): string {
  return `${directory}/${RUN_FILES.paused}`;
}
