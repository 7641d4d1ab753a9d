import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { areZeros, zeros } from "../../../lib/bytes/mod.ts";
import {
  createRing,
  RingReader,
  RingStopped,
  RingWriter,
  stopRing,
} from "../../../lib/layer_job/ring.ts";
import { forSeeds } from "../../support/prng.ts";
import { concat } from "../../support/tar/tar_fixture.ts";

const SLOT = 256 * 1024;

Deno.test("a ring passes all bytes in order, then the last message", async () => {
  await forSeeds(20, async (random) => {
    const ring = createRing();
    const [writer, reader] = [new RingWriter(ring), new RingReader(ring)];
    const message = random.bytes(random.int(0, 1000));
    const bytes = random.bytes(random.int(0, 5 * SLOT));
    writer.setFlag(7);
    // The first half is copied into slots, the second is made in them.
    writer.write(bytes.subarray(0, bytes.length >> 1));
    const rest = bytes.subarray(bytes.length >> 1);
    for (let at = 0; at < rest.length; at += SLOT) {
      const slot = writer.slot();
      assertEquals(slot, writer.slot());
      assert(writer.owns(slot.subarray(3)) && !writer.owns(bytes));
      const piece = rest.subarray(at, at + SLOT);
      slot.set(piece);
      writer.publish(piece.length);
    }
    writer.finish(message);
    const out: Uint8Array[] = [];
    const last = await reader.read((piece) => {
      assertEquals(reader.flag, 7);
      out.push(piece.slice());
    });
    assertEquals(concat(out), bytes);
    assertEquals(last, message);
  });
});

Deno.test("runs of zeros are passed by their length only", async () => {
  const ring = createRing();
  const [writer, reader] = [new RingWriter(ring), new RingReader(ring)];
  writer.write(new Uint8Array(SLOT).fill(1));
  for (const piece of zeros(SLOT + 5)) writer.write(piece);
  writer.write(new Uint8Array(3));
  writer.finish(new Uint8Array([9]));
  const out: Uint8Array[] = [];
  const told: boolean[] = [];
  const last = await reader.read((piece) => {
    out.push(piece.slice());
    told.push(areZeros(piece));
  });
  assertEquals(concat(out), concat([new Uint8Array(SLOT).fill(1), new Uint8Array(SLOT + 8)]));
  assertEquals(told, [false, true, true, false]);
  assertEquals(last, new Uint8Array([9]));
});

Deno.test("a ring without a last message ends with null; the writer sees that the reader skips", async () => {
  const ring = createRing();
  const [writer, reader] = [new RingWriter(ring), new RingReader(ring)];
  assertEquals(writer.skipped, false);
  reader.skip();
  assertEquals(writer.skipped, true);
  writer.finish(null);
  assertEquals(await reader.read(() => {}), null);
});

Deno.test("a stop ends the waits of writer and reader; bytes written before it are read", async () => {
  const ring = createRing();
  const [writer, reader] = [new RingWriter(ring), new RingReader(ring)];
  writer.write(new Uint8Array(8 * SLOT));
  stopRing(ring);
  assertThrows(() => writer.slot(), RingStopped);
  let length = 0;
  await assertRejects(() => reader.read((bytes) => void (length += bytes.length)), RingStopped);
  assertEquals(length, 8 * SLOT);
});

Deno.test("an empty ring lets the event loop turn", async () => {
  const ring = createRing();
  const reading = new RingReader(ring).read(() => {}).catch((error) => error);
  // If the reader blocked the thread this timer would never fire.
  await new Promise((resolve) => setTimeout(resolve));
  stopRing(ring);
  assert(await reading instanceof RingStopped);
});
