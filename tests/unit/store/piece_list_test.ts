import { assertEquals } from "@std/assert";
import { joinBytes } from "../../../lib/bytes/mod.ts";
import { PieceList } from "../../../lib/store/memory/piece_list.ts";
import { prng } from "../../support/prng.ts";

Deno.test("a list of pieces gives the bytes of any range, in views of any size", () => {
  const random = prng(11);
  const bytes = random.bytes(5000);
  for (const most of [1, 7, 512, 9000]) {
    const list = new PieceList([...random.split(bytes, most)]);
    assertEquals(list.size, 5000);
    assertEquals(list.copy(), bytes);
    for (let i = 0; i < 100; i++) {
      const start = random.int(0, 5000), end = random.int(start, 5000), view = random.int(1, 600);
      assertEquals(list.copy(start, end), bytes.slice(start, end));
      const views = [...list.views(start, end, view)];
      assertEquals(joinBytes(views), bytes.slice(start, end));
      assertEquals(views.every(({ length }) => length > 0 && length <= view), true);
    }
  }
  assertEquals(new PieceList([]).copy(), new Uint8Array());
  assertEquals([...new PieceList([]).views()], []);
});
