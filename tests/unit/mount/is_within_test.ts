import { assert } from "@std/assert";
import { isWithin } from "../../../lib/mount/is_within.ts";

Deno.test("isWithin: by names, not by letters", () => {
  assert(isWithin("/a/b", "/a") && isWithin("/a", "/a") && isWithin("/x", "/"));
  assert(!isWithin("/ab", "/a") && !isWithin("/", "/a") && isWithin("/", "/"));
});
