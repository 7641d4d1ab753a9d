import { assert, assertEquals } from "@std/assert";
import { ByteQueue } from "../../../lib/pool/byte_queue.ts";
import { Pump } from "../../../lib/pool/pump.ts";
import { testPool } from "./spawn.ts";
import * as jobs from "./jobs.ts";

const KIB = 1024;

/** Chunks of one size without end, counted. */
function counted(size: number): { given: number; stream: AsyncIterable<Uint8Array> } {
  const source = {
    given: 0,
    stream: {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          source.given += size;
          yield new Uint8Array(size);
        }
      },
    },
  };
  return source;
}

/** Lets both threads do whatever they can: nothing more comes for many turns of the loop. */
async function settled(count: () => number, turns = 50): Promise<void> {
  for (let last = -1, quiet = 0; quiet < turns;) {
    await new Promise((resolve) => setTimeout(resolve));
    const now = count();
    quiet = now === last ? quiet + 1 : 0;
    last = now;
  }
}

for (const inline of [false, true]) {
  Deno.test(`a slow handler holds back the source, ${inline ? "inline" : "in a worker"}`, async () => {
    const window = 64 * KIB;
    const chunk = 10 * KIB;
    await using pool = testPool({ workers: 1, window, inline });
    const state = jobs.shared();
    const cells = jobs.cells(state);
    const source = counted(chunk);
    const controller = new AbortController();
    const job = pool.run(jobs.readWhenTold, state, {
      stream: source.stream,
      signal: controller.signal,
    });
    await jobs.nonZero(cells, 1);
    for (let round = 1; round <= 20; round++) {
      await settled(() => source.given + Atomics.load(cells, 1));
      const taken = Atomics.load(cells, 1);
      assertEquals(taken, round * chunk);
      // What is on its way fits the window; one chunk more waits at the source.
      assert(source.given - taken <= window + chunk, `${source.given} given, ${taken} taken`);
      if (!inline) assert(source.given - taken > window - chunk, "the window is used");
      Atomics.add(cells, 0, 1);
    }
    controller.abort("enough");
    assertEquals(await job.catch((error) => error), "enough");
  });
}

Deno.test("a slow source holds back only its job", async () => {
  await using pool = testPool({ workers: 2 });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const slow = pool.run(jobs.hashAll, null, {
    stream: ReadableStream.from((async function* () {
      yield new Uint8Array(1);
      await released;
      yield new Uint8Array(1);
    })()),
  });
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

Deno.test("Pump: never more than the window on its way, nothing lost, in order", async () => {
  for (const window of [3, 7, 64, 1000]) {
    let sent = 0;
    let taken = 0;
    let ended = false;
    const out: number[] = [];
    const pump = new Pump(window, {
      chunk(bytes) {
        sent += bytes.length;
        out.push(...bytes);
        assert(sent - taken <= window, `${sent - taken} bytes on their way, window ${window}`);
      },
      end: () => ended = true,
      fail: (error) => {
        throw error;
      },
    });
    const all = Array.from({ length: 400 }, (_, i) => i % 251);
    const cut = [all.slice(0, 3), [], all.slice(3, 300), all.slice(300)];
    const running = pump.run(ReadableStream.from(cut.map((part) => Uint8Array.from(part))));
    while (!ended) {
      await settled(() => sent, 2);
      const credit = sent - taken;
      taken = sent;
      pump.credit(credit);
    }
    await running;
    assertEquals(out, all);
  }
});

Deno.test("ByteQueue: an end comes after what arrived, a failure before it", async () => {
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
