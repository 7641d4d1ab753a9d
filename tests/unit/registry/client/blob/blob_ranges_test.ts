import { assert, assertEquals, assertRejects } from "@std/assert";
import { sha256 } from "../../../../../lib/digest/mod.ts";
import { createPool } from "../../../../../lib/pool/mod.ts";
import {
  type RangePlan,
  streamRanges,
} from "../../../../../lib/registry/client/blob/blob_ranges.ts";
import { isSlow } from "../../../../../lib/registry/client/blob/pace.ts";
import { Transport } from "../../../../../lib/registry/client/transport.ts";
import { pullImage, RegistryClient } from "../../../../../lib/registry/mod.ts";
import { openMemoryStore } from "../../../../../lib/store/mod.ts";
import { buildImage } from "../../../../support/images/images.ts";
import { prng } from "../../../../support/prng.ts";
import { configFor, imageAnswer } from "../../../../support/registry/hostile_registry.ts";
import { type Pace, PacedRegistry } from "../../../../support/registry/paced_registry.ts";

const MIB = 2 ** 20;
const BLOB = prng(3).bytes(20 * MIB);
const DIGEST = sha256(BLOB);
const PLAN: RangePlan = { connections: 4, largeFrom: MIB };
/** Milliseconds for 64 KiB: about 12 MB/s for each answer. */
const SLOW = 5;

/** Reads the blob from a registry of this pace, and returns the registry with what it has seen. */
async function read(pace: Pace, plan = PLAN, from = 0): Promise<PacedRegistry> {
  await using registry = new PacedRegistry(DIGEST, BLOB, pace);
  const config = configFor(registry.origin);
  using transport = new Transport(config);
  const blob = { digest: DIGEST, size: BLOB.length };
  const request = { repository: "app", blob, from };
  const { signal } = new AbortController();
  const got = new Uint8Array(BLOB.length - from);
  let at = 0;
  for await (const bytes of streamRanges(transport, config.endpoints, request, plan, signal)) {
    got.set(bytes, at);
    at += bytes.length;
  }
  assertEquals(at, got.length);
  assert(from > 0 || sha256(got) === DIGEST);
  assert(got.every((byte, i) => byte === BLOB[from + i]), "other bytes");
  return registry;
}

Deno.test("a large blob from a server that limits each connection is read over several, each byte once", async () => {
  const { sent, atOnce, ranges } = await read({ delay: SLOW });
  assertEquals([sent, atOnce], [BLOB.length, PLAN.connections]);
  assertEquals(new Set(ranges).size, ranges.length);
  const later = await read({ delay: SLOW }, PLAN, 5 * MIB);
  assertEquals([later.sent, later.atOnce], [BLOB.length - 5 * MIB, PLAN.connections]);
});

Deno.test("a blob is read over several connections also when only the second probe is slow", async () => {
  const { sent, atOnce } = await read({ delay: SLOW, delayFrom: 6 * MIB });
  assertEquals([sent, atOnce], [BLOB.length, PLAN.connections]);
});

Deno.test("a blob that is not large, or may have only one connection, is read with one request", async () => {
  for (const plan of [{ ...PLAN, connections: 1 }, { ...PLAN, largeFrom: 21 * MIB }]) {
    assertEquals((await read({ delay: 1 }, plan)).ranges, [""]);
  }
});

Deno.test("a server without ranges sends the whole blob, once", async () => {
  const { sent, ranges } = await read({ delay: 1, ignoresRanges: true });
  assertEquals([sent, ranges.length], [BLOB.length, 1]);
});

Deno.test("when a server gives less than the range, the rest is asked for", async () => {
  for (const plan of [PLAN, { ...PLAN, connections: 1 }]) {
    const { sent } = await read({ delay: 1, longest: MIB }, plan, 5 * MIB);
    assertEquals(sent, BLOB.length - 5 * MIB);
  }
});

Deno.test("when a server refuses further connections, one is used", async () => {
  const { sent, atOnce, ranges } = await read({ delay: SLOW, most: 1 });
  assertEquals(atOnce, 1);
  assert(sent <= 1.1 * BLOB.length, `${sent} bytes`);
  assert(ranges.at(-1)?.endsWith("-"), `${ranges}`);
});

Deno.test("connections that are cut resume, each where it broke", async () => {
  const { sent, atOnce } = await read({ delay: SLOW, cutAfter: 300_000 });
  assertEquals(atOnce, PLAN.connections);
  assert(sent <= 1.1 * BLOB.length, `${sent} bytes`);
});

Deno.test("an aborted read closes all connections and throws the signal's reason", async () => {
  await using registry = new PacedRegistry(DIGEST, BLOB, { delay: SLOW });
  const config = configFor(registry.origin);
  using transport = new Transport(config);
  const request = { repository: "app", blob: { digest: DIGEST, size: BLOB.length } };
  const stop = new AbortController();
  const stream = streamRanges(transport, config.endpoints, request, PLAN, stop.signal);
  let at = 0;
  const error = await assertRejects(async () => {
    for await (const bytes of stream) {
      at += bytes.length;
      if (at > 6 * MIB) stop.abort(new Error("enough"));
    }
  });
  assertEquals((error as Error).message, "enough");
});

Deno.test("a stream is slow when its rate is low and its reader waits for it", () => {
  const base = { bytes: 4 * MIB, ms: 400, waited: 390 };
  assertEquals(isSlow(base), true);
  assertEquals(isSlow({ ...base, waited: 100 }), false);
  assertEquals(isSlow({ ...base, ms: 20, waited: 19 }), false);
  assertEquals(isSlow({ bytes: 0, ms: 0, waited: 0 }), false);
});

Deno.test("a pull uses the connections that its layers leave over", async () => {
  const image = buildImage({ layers: [[{ name: "file", content: BLOB }]], packing: "none" });
  const [layer] = image.layers;
  assert(layer !== undefined);
  const { descriptor: { digest }, blob } = layer;
  for (const [connections, atOnce] of [[3, 3], [9, 4], [1, 1]] as const) {
    await using registry = new PacedRegistry(digest, blob, { delay: 2 }, imageAnswer(image));
    await using store = openMemoryStore();
    await using pool = createPool({ inline: true });
    using client = new RegistryClient(configFor(registry.origin));
    const options = { pool, connections, largeFrom: MIB };
    const pulled = await pullImage(store, "r.example/app:1", { ...options, client });
    assertEquals<string | null>(pulled.chainId, image.chainId);
    assertEquals([registry.atOnce, registry.sent], [atOnce, blob.length]);
  }
});

Deno.test("onIdle is called once for a slow layer, and not for a small one", async () => {
  for (const [bytes, expected] of [[20 * MIB, 1], [4 * MIB, 0]] as const) {
    const content = BLOB.subarray(0, bytes);
    const image = buildImage({ layers: [[{ name: "file", content }]], packing: "none" });
    const [layer] = image.layers;
    assert(layer !== undefined);
    const { descriptor: { digest }, blob } = layer;
    await using registry = new PacedRegistry(digest, blob, { delay: SLOW }, imageAnswer(image));
    await using store = openMemoryStore();
    await using pool = createPool({ inline: true });
    using client = new RegistryClient(configFor(registry.origin));
    let told = 0;
    const options = { pool, connections: 1, onIdle: () => void told++ };
    await pullImage(store, "r.example/app:1", { ...options, client });
    assertEquals(told, expected, `${bytes} bytes`);
  }
});
