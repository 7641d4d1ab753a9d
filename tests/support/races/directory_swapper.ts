/**
 * A thread that swaps directories of a tree for a symbolic link to a victim and back, as fast
 * as it can. Started as a worker; the control is a SharedArrayBuffer: 0 idle, 1 race, 2 at rest.
 */
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import {
  closeFd,
  CWD,
  type Fd,
  openDirectoryAt,
  readDirectoryPiece,
  readLinkAt,
  renameAt,
  statAt,
  symlinkAt,
  unlinkAt,
} from "../../../lib/linux/mod.ts";

const IDLE = 0, RACE = 1;

/** A racer; it races between {@linkcode Racer.start} and {@linkcode Racer.stop}. */
export class Racer implements Disposable {
  readonly #control = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker = new Worker(import.meta.url, { type: "module" });

  /** Resolves when the thread runs. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#worker.onmessage = () => resolve();
    });
  }

  /** Begins to swap the directories directly in `root` and one level below. */
  start(root: string, victim: string): void {
    Atomics.store(this.#control, 0, RACE);
    this.#worker.postMessage({ control: this.#control, root, victim });
    // It must be at work before the test is: wait for its first round.
    Atomics.wait(this.#control, 1, 0, 2000);
  }

  /** Ends the race and waits until the thread touches nothing any more. Returns the swaps made. */
  stop(): number {
    Atomics.store(this.#control, 0, IDLE);
    const deadline = Date.now() + 10_000;
    while (Atomics.load(this.#control, 1) >= 0) {
      if (Date.now() > deadline) throw new Error("Cannot stop the racer: its thread is dead");
      Atomics.wait(this.#control, 1, Atomics.load(this.#control, 1), 50);
    }
    return -1 - Atomics.exchange(this.#control, 1, 0);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

interface Order {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly root: string;
  readonly victim: string;
}

function race({ control, root, victim }: Order): void {
  let swaps = 0;
  const link = ".racer" as ByteString;
  const top = openDirectoryAt(CWD, fromText(root));
  try {
    while (Atomics.load(control, 0) === RACE) {
      try {
        swaps += swapAll(top, link, fromText(victim), 0);
      } catch {
        // The root itself was removed: there is nothing to swap any more.
      }
      if (Atomics.load(control, 1) === 0) {
        Atomics.store(control, 1, 1);
        Atomics.notify(control, 1);
      }
    }
  } finally {
    closeFd(top);
    Atomics.store(control, 1, -1 - swaps);
    Atomics.notify(control, 1);
  }
}

/** How often a directory is swapped before the racer looks for others. */
const ROUNDS = 20;

/** Swaps directories for the link and back; whatever fails because the other side was faster is fine. */
function swapAll(directory: Fd, link: ByteString, victim: ByteString, depth: number): number {
  let swaps = 0;
  const names = again(directory).filter(({ name, type }) => type === "directory" && name !== link);
  // Of many directories the last ones are where the work is now.
  for (const { name } of names.slice(-4)) {
    try {
      symlinkAt(victim, directory, link);
      for (let round = 0; round < ROUNDS; round++) {
        renameAt(directory, name, directory, link, "exchange");
        swaps++;
        // As long swapped as not: a look at the link takes about as long as a rename.
        readLinkAt(directory, name);
        renameAt(directory, name, directory, link, "exchange");
      }
      unlinkAt(directory, link);
      if (depth > 0) continue;
      const child = openDirectoryAt(directory, name);
      try {
        swaps += swapAll(child, link, victim, depth + 1);
      } finally {
        closeFd(child);
      }
    } catch {
      // Gone or there already: try the next, after undoing half a swap.
      restore(directory, name, link);
    }
  }
  return swaps;
}

function restore(directory: Fd, name: ByteString, link: ByteString): void {
  try {
    const { type } = statAt(directory, link);
    if (type === "directory") renameAt(directory, name, directory, link, "exchange");
    unlinkAt(directory, link);
  } catch {
    // The other side removed one of them: there is nothing to undo.
  }
}

function again(directory: Fd): ReturnType<typeof readDirectoryPiece> {
  const fd = openDirectoryAt(directory, "." as ByteString);
  try {
    return readDirectoryPiece(fd);
  } finally {
    closeFd(fd);
  }
}

if ("WorkerGlobalScope" in globalThis) {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Order>) => void;
    postMessage: (message: string) => void;
  };
  scope.onmessage = (event) => race(event.data);
  scope.postMessage("ready");
}
