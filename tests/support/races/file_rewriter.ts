/**
 * A thread that rewrites a file in place as fast as it can: each time it fills the file with another
 * byte, to another size. This file is the worker as well. Both sides share two numbers: 1 once the
 * thread shall end, and how often it has written the file.
 */
import { fromText } from "../../../lib/bytes/mod.ts";
import { closeFd, CWD, Open, openAt, truncateFd, writeFd } from "../../../lib/linux/mod.ts";

/** Rewrites a file from {@linkcode FileRewriter.start} to {@linkcode FileRewriter.stop}. */
export class FileRewriter implements Disposable {
  readonly #control = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker = new Worker(import.meta.url, { type: "module" });

  /** How often the file has been written. */
  get writes(): number {
    return Atomics.load(this.#control, 1);
  }

  /** Begins to rewrite a file of about `size` bytes, and returns when it has been written once. */
  async start(path: string, size: number): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#worker.onmessage = () => written.resolve();
    this.#worker.postMessage({ control: this.#control, path, size });
    await written.promise;
  }

  /** Ends the work, and waits until the thread touches nothing any more. */
  async stop(): Promise<void> {
    const stopped = Promise.withResolvers<void>();
    this.#worker.onmessage = () => stopped.resolve();
    Atomics.store(this.#control, 0, 1);
    await stopped.promise;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

interface Order {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly path: string;
  readonly size: number;
}

if ("WorkerGlobalScope" in globalThis) {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Order>) => void;
    postMessage: (message: "written" | "stopped") => void;
  };
  scope.onmessage = ({ data: { control, path, size } }) => {
    const fd = openAt(CWD, fromText(path), Open.WRITE | Open.CREATE, 0o644);
    let rounds = 0;
    for (; Atomics.load(control, 0) === 0 || rounds === 0; rounds++) {
      const length = size - rounds % 7;
      truncateFd(fd, length);
      writeFd(fd, new Uint8Array(length).fill(1 + rounds % 255), 0);
      Atomics.add(control, 1, 1);
      if (rounds === 0) scope.postMessage("written");
    }
    closeFd(fd);
    scope.postMessage("stopped");
  };
}
