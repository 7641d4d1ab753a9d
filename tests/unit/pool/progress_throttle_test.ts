import { assertEquals } from "@std/assert";
import type { JobProgress } from "../../../lib/pool/mod.ts";
import { ProgressThrottle } from "../../../lib/pool/progress_throttle.ts";

Deno.test("ProgressThrottle: the first, one every 64 ms, the last", () => {
  const seen: number[] = [];
  let now = 1000;
  const throttle = new ProgressThrottle(({ read }) => void seen.push(read), () => now);
  const at = (time: number, read: number) => {
    now = time;
    throttle.report({ read, written: 0 } satisfies JobProgress);
  };
  at(1000, 1);
  at(1001, 2);
  at(1063, 3);
  assertEquals(seen, [1]);
  at(1064, 4);
  at(1065, 5);
  assertEquals(seen, [1, 4]);
  throttle.flush();
  throttle.flush();
  assertEquals(seen, [1, 4, 5]);
  at(2000, 6);
  throttle.flush();
  assertEquals(seen, [1, 4, 5, 6]);
});
