import { assert, assertEquals } from "@std/assert";
import { retryAfter, retryDelay, waitBeforeRetry } from "../../../../lib/registry/http/retry.ts";

Deno.test("H23 Retry-After: seconds and dates, at most half a minute; malformed values count as 0", () => {
  const now = Date.UTC(2026, 0, 1);
  const asked = (text: string) =>
    retryAfter(new Response("", { headers: { "retry-after": text } }), now);
  assertEquals(asked("7"), 7000);
  assertEquals(asked("0"), 0);
  assertEquals(asked("1000000000"), 30_000);
  assertEquals(asked(new Date(now + 5000).toUTCString()), 5000);
  assertEquals(asked(new Date(now - 5000).toUTCString()), 0);
  assertEquals(asked("Fri, 31 Dec 9999 23:59:59 GMT"), 30_000);
  for (const text of ["", "soon", "-5", "1e9", "9".repeat(400)]) assertEquals(asked(text), 0, text);
  assertEquals(retryAfter(new Response(), now), 0);
});

Deno.test("H23 retry delay: between half and all of it, at least what was asked for, at most half a minute", () => {
  const waits = Array.from({ length: 200 }, () => retryDelay(1000));
  assert(waits.every((ms) => ms >= 500 && ms <= 1000));
  assert(new Set(waits).size > 100);
  assertEquals(retryDelay(1000, 5000), 5000);
  assertEquals(retryDelay(1e12), 30_000);
  assertEquals(retryDelay(10, 1e12), 30_000);
});

Deno.test("the wait before a retry ends when its signal is aborted", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const waiting = waitBeforeRetry(60_000, controller.signal).catch((error) => error);
  controller.abort(reason);
  assertEquals(await waiting, reason);
  assertEquals(await waitBeforeRetry(60_000, controller.signal).catch((error) => error), reason);
});
