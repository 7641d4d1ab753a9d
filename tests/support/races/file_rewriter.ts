/**
 * A thread that rewrites a file in place as fast as it can: each time with another byte all over, and
 * another size. The control is a SharedArrayBuffer: 0 idle, 1 at work, 2 at rest.
 */
import { fromText } from "../../../lib/bytes/mod.ts";
import { closeFd, CWD, Open, openAt, truncateFd, writeFd } from "../../../lib/linux/mod.ts";

/** A writer; it works from {@linkcode Rewriter.start} to {@linkcode Rewriter.stop}. */
export class Rewriter implements Disposable {
  readonly #control = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker = new Worker(import.meta.url, { type: "module" });

  /** Begins to rewrite a file of about `size` bytes, and returns when it was rewritten once. */
  async start(path: string, size: number): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#worker.onmessage = () => written.resolve();
    this.#worker.postMessage({ control: this.#control, path, size });
    await written.promise;
  }

  /** Ends the work, and waits until the thread touches nothing any more. Returns how often it wrote. */
  async stop(): Promise<number> {
    const stopped = Promise.withResolvers<number>();
    this.#worker.onmessage = ({ data }) => stopped.resolve(data as number);
    Atomics.store(this.#control, 0, 1);
    return await stopped.promise;
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
    postMessage: (message: number) => void;
  };
  scope.onmessage = ({ data: { control, path, size } }) => {
    const fd = openAt(CWD, fromText(path), Open.WRITE | Open.CREATE, 0o644);
    let rounds = 0;
    for (; Atomics.load(control, 0) === 0 || rounds === 0; rounds++) {
      const length = size - rounds % 7;
      truncateFd(fd, length);
      writeFd(fd, new Uint8Array(length).fill(1 + rounds % 255), 0);
      if (rounds === 0) scope.postMessage(rounds);
    }
    closeFd(fd);
    scope.postMessage(rounds);
  };
}
