import { assertEquals } from "@std/assert";
import { fromText } from "../../../../lib/bytes/mod.ts";
import { IdNames } from "../../../../lib/cli/files/id_names.ts";

Deno.test("names of ids: the first line counts, and hostile lines give numbers", () => {
  const names = new IdNames(fromText(
    "root:x:0:0::/:\ntoor:x:0:0::/:\n\n# no\n:x:5:\nroot:x:7:\ntwo words:x:8:\nevil\x1b[2J:x:9:\nbad:x:-1:\nhuge:x:99999999999:",
  ));
  assertEquals([0, 5, 7, 8, 42].map((id) => names.show(id)), ["root", "5", "root", "8", "42"]);
  assertEquals(names.show(9), "9");
  assertEquals(
    ["root", "toor", "0", "42", "nobody", "bad", "two words"].map((name) => names.find(name)),
    [0, 0, 0, 42, undefined, undefined, 8],
  );
});
