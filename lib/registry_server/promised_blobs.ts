import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { Ingest, Store } from "../store/mod.ts";

/** Settings of {@linkcode PromisedBlobs}. */
export interface PromisedBlobsOptions {
  /** Milliseconds for which a promise is kept at least; it is kept for twice this time at most. */
  readonly lifetime: number;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/**
 * Keeps the blobs of the store that a client was told of. A client that knows that a blob is here does not upload it,
 * and later puts a manifest that names it. Until then no image may name the blob, so gc would remove it.
 *
 * An open ingest holds the blobs. It holds each until its own end, so ingests take turns: after a lifetime new
 * promises go into a new ingest, and after two of them an ingest ends.
 */
export class PromisedBlobs implements AsyncDisposable {
  readonly #store: Store;
  readonly #options: PromisedBlobsOptions;
  /** The oldest first. The last one takes new promises until it is a lifetime old. */
  #turns: Turn[] = [];
  /** Settles when the last change is done. */
  #last: Promise<void> = Promise.resolve();

  constructor(store: Store, options: PromisedBlobsOptions) {
    this.#store = store;
    this.#options = options;
  }

  /**
   * Keeps a blob from gc, whether or not the store has it now. Call it before you look whether the store has it.
   * Where the disk takes no bytes, it is not kept: the store can still be read.
   */
  async keep(digest: Digest): Promise<void> {
    await this.#inTurn(() => this.#keep(digest));
  }

  /** Ends the ingests that are too old. */
  async sweep(): Promise<void> {
    await this.#inTurn(() => this.#sweep());
  }

  /** Ends all promises. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inTurn(async () => {
      const turns = this.#turns;
      this.#turns = [];
      for (const turn of turns) await turn.ingest[Symbol.asyncDispose]();
    });
  }

  /** Runs changes one after the other. */
  async #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => {});
    await done;
  }

  async #keep(digest: Digest): Promise<void> {
    await this.#sweep();
    const { now, lifetime } = this.#options;
    try {
      let turn = this.#turns.at(-1);
      if (turn === undefined || now() - turn.since >= lifetime) {
        turn = { ingest: await this.#store.ingest(), since: now() };
        this.#turns.push(turn);
      }
      await turn.ingest.hold([digest]);
    } catch (error) {
      if (!(error instanceof VarveError && error.code === "E_SYSCALL")) throw error;
    }
  }

  async #sweep(): Promise<void> {
    const end = this.#options.now() - 2 * this.#options.lifetime;
    const old = this.#turns.filter(({ since }) => since <= end);
    this.#turns = this.#turns.filter(({ since }) => since > end);
    for (const { ingest } of old) await ingest[Symbol.asyncDispose]();
  }
}

/** An ingest that holds promised blobs. */
interface Turn {
  readonly ingest: Ingest;
  /** When it began. */
  readonly since: number;
}
