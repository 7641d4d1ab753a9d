/**
 * Back-pressure, by invariants that hold at any speed. A source knows how many chunks may be requested: it
 * fails at one more, and the test awaits the last one that is allowed.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ByteQueue } from "../../../lib/pool/byte_queue.ts";
import { Pump } from "../../../lib/pool/pump.ts";
import { testPool } from "./spawn.ts";
import * as jobs from "./jobs.ts";

const KIB = 1024;

/** Fails instead of waiting for ever. A minute is far more than the slowest machine needs. */
async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within a minute`)), 60_000);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** An endless stream of chunks of one size. It fails when more chunks are requested than allowed. */
class AllowedSource implements AsyncIterable<Uint8Array> {
  readonly #size: number;
  #requested = 0;
  #allowed = 0;
  #all = Promise.withResolvers<void>();

  constructor(size: number) {
    this.#size = size;
  }

  /** Allows `count` chunks in all; resolves when the last of them is requested. */
  allow(count: number): Promise<void> {
    assert(count > this.#allowed);
    this.#allowed = count;
    this.#all = Promise.withResolvers();
    return this.#all.promise;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#requested === this.#allowed) {
        throw new RangeError(`more than ${this.#allowed} chunks were requested`);
      }
      if (++this.#requested === this.#allowed) this.#all.resolve();
      yield new Uint8Array(this.#size);
    }
  }
}

for (const inline of [false, true]) {
  const where = inline ? "inline" : "in a worker";
  /** Chunks that the pool requests beyond those that the handler took: those in the window, and one that waits. */
  const ahead = (window: number, chunk: number) => inline ? 0 : Math.floor(window / chunk) + 1;

  Deno.test(`a slow handler holds back the source, ${where}`, async () => {
    const window = 64 * KIB;
    const chunk = 10 * KIB;
    await using pool = testPool({ workers: 2, window, inline });
    const state = jobs.shared();
    const told = jobs.cells(state);
    const source = new AllowedSource(chunk);
    const controller = new AbortController();
    // The handler takes one chunk, and then one more each time it is told.
    let requested = source.allow(1 + ahead(window, chunk));
    const job = jobs.handled(
      pool.run(jobs.readWhenTold, state, { stream: source, signal: controller.signal }),
    );
    for (let taken = 1; taken <= 20; taken++) {
      await inTime(Promise.race([requested, job]), "the next request");
      // Another job takes some time, in which a pool without back-pressure requests one chunk too many.
      assertEquals(await pool.run(jobs.echo, taken), taken);
      assert(Atomics.load(told, 1) <= taken * chunk);
      requested = source.allow(taken + 1 + ahead(window, chunk));
      Atomics.add(told, 0, 1);
    }
    await inTime(Promise.race([requested, job]), "the next request");
    controller.abort("enough");
    assertEquals(await job.catch((error) => error), "enough");
  });

  Deno.test(`AllowedSource: one request too many fails the job, ${where}`, async () => {
    await using pool = testPool({ workers: 1, inline });
    const state = jobs.shared();
    Atomics.store(jobs.cells(state), 0, 100);
    const source = new AllowedSource(10);
    void source.allow(5);
    const job = jobs.handled(pool.run(jobs.readWhenTold, state, { stream: source }));
    await assertRejects(() => job, RangeError, "more than 5 chunks");
  });
}

Deno.test("a slow source holds back only its job", async () => {
  await using pool = testPool({ workers: 2 });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const slow = jobs.handled(pool.run(jobs.hashAll, null, {
    stream: ReadableStream.from((async function* () {
      yield new Uint8Array(1);
      await released;
      yield new Uint8Array(1);
    })()),
  }));
  for (let i = 0; i < 10; i++) {
    const stream = ReadableStream.from([new Uint8Array(300 * KIB)]);
    assertEquals((await pool.run(jobs.hashAll, null, { stream })).bytes, 300 * KIB);
  }
  release();
  assertEquals((await slow).bytes, 2);
});

Deno.test("a chunk larger than the window goes in pieces", async () => {
  await using pool = testPool({ workers: 1, window: 1000 });
  const stream = ReadableStream.from([new Uint8Array(10_001)]);
  assertEquals((await pool.run(jobs.hashAll, null, { stream })).bytes, 10_001);
});

/** Takes the pieces of a pump, and gives credit only where the next piece needs it. */
class Receiver {
  readonly pump: Pump;
  readonly bytes: number[] = [];
  /** Length of each piece that arrived. */
  readonly pieces: number[] = [];
  readonly #window: number;
  #credited = 0;
  #wake: () => void = () => {};
  #ended = Promise.withResolvers<void>();

  constructor(window: number) {
    this.#window = window;
    this.pump = new Pump(window, {
      chunk: (bytes) => {
        this.bytes.push(...bytes);
        this.pieces.push(bytes.length);
        const inFlight = this.#inFlight(this.pieces.length);
        // The pump catches this error and fails with it.
        assert(inFlight <= window, `${inFlight} bytes in flight, window ${window}`);
        this.#wake();
      },
      end: () => this.#ended.resolve(),
      fail: (error) => this.#ended.reject(error),
    });
    jobs.handled(this.ended);
  }

  /** Settles when the pump ends or fails. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Awaits the piece of that number and length. Earlier ones are credited only if it does not fit beside them. */
  async arrival(index: number, length: number): Promise<void> {
    while (this.#inFlight(index) + length > this.#window) {
      this.pump.credit(this.pieces[this.#credited++] as number);
    }
    while (this.pieces.length <= index) {
      const woken = new Promise<void>((resolve) => this.#wake = resolve);
      await inTime(Promise.race([woken, this.ended]), "the next piece");
    }
  }

  /** Bytes without credit in the first `count` pieces. */
  #inFlight(count: number): number {
    return this.pieces.slice(this.#credited, count).reduce((sum, length) => sum + length, 0);
  }
}

Deno.test("Pump: the window is used and never exceeded, nothing lost, in order", async () => {
  for (const window of [3, 7, 64, 1000]) {
    const receiver = new Receiver(window);
    const all = Array.from({ length: 400 }, (_, i) => i % 251);
    const chunks = [all.slice(0, 3), [], all.slice(3, 300), all.slice(300)];
    const expected = chunks.flatMap(({ length }) =>
      Array.from(
        { length: Math.ceil(length / window) },
        (_, i) => Math.min(window, length - i * window),
      )
    );
    const running = receiver.pump.run(
      ReadableStream.from(chunks.map((part) => Uint8Array.from(part))),
    );
    for (const [index, length] of expected.entries()) await receiver.arrival(index, length);
    await receiver.ended;
    await running;
    assertEquals(receiver.pieces, expected);
    assertEquals(receiver.bytes, all);
  }
});

Deno.test("ByteQueue: an end keeps the chunks that arrived, a failure drops them", async () => {
  const taken: number[] = [];
  const read = async (fill: (queue: ByteQueue) => void) => {
    const queue = new ByteQueue((bytes) => taken.push(bytes));
    fill(queue);
    const out: number[] = [];
    try {
      for await (const chunk of queue) out.push(...chunk);
    } catch (error) {
      return [out, error];
    }
    return out;
  };
  const a = Uint8Array.of(1, 2);
  const b = Uint8Array.of(3);
  assertEquals(await read((q) => (q.push(a), q.push(b), q.end(), q.push(a))), [1, 2, 3]);
  assertEquals(taken, [2, 1]);
  assertEquals(await read((q) => (q.push(a), q.fail("no"))), [[], "no"]);
  assertEquals(await read((q) => (q.push(a), q.end(), q.fail("late"), q.fail("later"))), [
    [],
    "late",
  ]);
});
