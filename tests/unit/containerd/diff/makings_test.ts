import { assertEquals, assertRejects } from "@std/assert";
import { Makings } from "../../../../lib/containerd/diff/makings.ts";
import { parseDigest } from "../../../../lib/digest/mod.ts";

const DIGEST = parseDigest(`sha256:${"a".repeat(64)}`);

/** A making that waits until it is told what to do. */
function job() {
  const begun: { readonly signal: AbortSignal; readonly end: PromiseWithResolvers<string> }[] = [];
  const make = async (signal: AbortSignal): Promise<string> => {
    const end = Promise.withResolvers<string>();
    signal.addEventListener("abort", () => end.reject(signal.reason), { once: true });
    begun.push({ signal, end });
    return await end.promise;
  };
  return { begun, make };
}

Deno.test("a blob that is asked for twice is made once", async () => {
  const makings = new Makings<string>();
  const { begun, make } = job();
  const { signal } = new AbortController();
  const both = [makings.get(DIGEST, signal, make), makings.get(DIGEST, signal, make)];
  assertEquals([begun.length, makings.size], [1, 1]);
  begun[0]?.end.resolve("layer");
  assertEquals(await Promise.all(both), ["layer", "layer"]);
  assertEquals(makings.size, 0);
  // It is not a cache: what was made before may be gone.
  const again = makings.get(DIGEST, signal, make);
  begun[1]?.end.resolve("again");
  assertEquals(await again, "again");
});

Deno.test("an error reaches everybody who waits, and the next caller begins again", async () => {
  const makings = new Makings<string>();
  const { begun, make } = job();
  const { signal } = new AbortController();
  const both = [makings.get(DIGEST, signal, make), makings.get(DIGEST, signal, make)];
  begun[0]?.end.reject(new TypeError("bad layer"));
  for (const one of both) await assertRejects(() => one, TypeError, "bad layer");
  const again = makings.get(DIGEST, signal, make);
  begun[1]?.end.resolve("good");
  assertEquals(await again, "good");
});

Deno.test("the job goes on while anybody waits, and ends with the last caller", async () => {
  const makings = new Makings<string>();
  const { begun, make } = job();
  const [first, second] = [new AbortController(), new AbortController()];
  const gone = makings.get(DIGEST, first.signal, make);
  const stays = makings.get(DIGEST, second.signal, make);
  first.abort(new Error("gone"));
  await assertRejects(() => gone, Error, "gone");
  assertEquals(begun[0]?.signal.aborted, false);
  second.abort(new Error("gone too"));
  await assertRejects(() => stays, Error, "gone too");
  assertEquals(begun[0]?.signal.aborted, true);
  // A caller that comes while the aborted job still ends does not join it.
  const { signal } = new AbortController();
  const fresh = makings.get(DIGEST, signal, make);
  assertEquals(begun.length, 2);
  begun[1]?.end.resolve("fresh");
  assertEquals(await fresh, "fresh");
  await makings.idle();
});

Deno.test("a caller that is cancelled before begins nothing", async () => {
  const makings = new Makings<string>();
  const { begun, make } = job();
  await assertRejects(() => makings.get(DIGEST, AbortSignal.abort("late"), make));
  assertEquals(begun.length, 0);
});

Deno.test("no job runs any more only when also an aborted one has cleaned up", async () => {
  const makings = new Makings<string>();
  const steps: string[] = [];
  const cleaning = Promise.withResolvers<void>();
  const controller = new AbortController();
  const gone = makings.get(DIGEST, controller.signal, async () => {
    await cleaning.promise;
    steps.push("cleaned");
    return "layer";
  });
  controller.abort(new Error("gone"));
  await assertRejects(() => gone, Error, "gone");
  assertEquals(makings.size, 0);
  const idle = makings.idle().then(() => steps.push("idle"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(steps, []);
  cleaning.resolve();
  await idle;
  assertEquals(steps, ["cleaned", "idle"]);
});
