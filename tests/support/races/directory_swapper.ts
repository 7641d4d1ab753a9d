/**
 * A thread that swaps directories of a tree for a symbolic link to a victim and back, as fast as it
 * can, while another thread works in that tree.
 *
 * This file is the worker as well. Both sides share two numbers: what the thread shall do, and what
 * it has done ({@linkcode NOT_YET}, {@linkcode RACING}, or −1 − the number of swaps once it is at rest).
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
import { DEADLINE } from "../machine/wait.ts";

const IDLE = 0, RACE = 1;
const NOT_YET = 0, RACING = 1;

/** Swaps directories between {@linkcode DirectorySwapper.start} and {@linkcode DirectorySwapper.stop}. */
export class DirectorySwapper implements Disposable {
  readonly #control = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker = new Worker(import.meta.url, { type: "module" });

  /** Resolves when the thread runs. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#worker.onmessage = () => resolve();
    });
  }

  /** Begins to swap the directories directly in `root` and one level below; returns after the first round. */
  start(root: string, victim: string): void {
    Atomics.store(this.#control, 0, RACE);
    this.#worker.postMessage({ control: this.#control, root, victim });
    this.#await("begin", (done) => done !== NOT_YET);
  }

  /** Ends the race and waits until the thread touches nothing any more. Returns the number of swaps. */
  stop(): number {
    Atomics.store(this.#control, 0, IDLE);
    this.#await("end", (done) => done < 0);
    return -1 - Atomics.exchange(this.#control, 1, NOT_YET);
  }

  #await(what: string, is: (done: number) => boolean): void {
    for (const end = Date.now() + DEADLINE;;) {
      const done = Atomics.load(this.#control, 1);
      if (is(done)) return;
      if (Date.now() > end) throw new Error(`Cannot wait for the ${what} of the race: no answer`);
      Atomics.wait(this.#control, 1, done, 1000);
    }
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
      if (Atomics.load(control, 1) === NOT_YET) {
        Atomics.store(control, 1, RACING);
        Atomics.notify(control, 1);
      }
    }
  } finally {
    closeFd(top);
    Atomics.store(control, 1, -1 - swaps);
    Atomics.notify(control, 1);
  }
}

/** How often a directory is swapped before the thread looks for others. */
const ROUNDS = 20;

/** Swaps directories for the link and back; whatever fails because the other side was faster is fine. */
function swapAll(directory: Fd, link: ByteString, victim: ByteString, depth: number): number {
  let swaps = 0;
  const names = namesOf(directory).filter(({ name, type }) =>
    type === "directory" && name !== link
  );
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

function namesOf(directory: Fd): ReturnType<typeof readDirectoryPiece> {
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
