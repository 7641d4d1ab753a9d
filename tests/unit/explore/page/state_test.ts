import { assertEquals } from "@std/assert";
import { readState, writeState } from "../../../../lib/explore/page/state.ts";

Deno.test("the address says the whole state", () => {
  const state = {
    view: "map",
    image: 1,
    at: "/a b/\\xff&=#/ü",
    layer: 3,
    map: "icicle",
    color: "kind",
    find: "100%&x=y",
  };
  assertEquals(readState(writeState(state)), state);
  assertEquals(readState(writeState(readState(""))), readState(""));
});

Deno.test("an address that is no state is one of the beginning", () => {
  const first = readState("");
  assertEquals([first.view, first.at, first.layer, first.image], ["layers", "/", -1, 0]);
  for (const hash of ["#%", "#at=%E0%A4%A", "#layer=-5&image=1e9", "#==&&", "#__proto__=1"]) {
    assertEquals(readState(hash), first, hash);
  }
});
