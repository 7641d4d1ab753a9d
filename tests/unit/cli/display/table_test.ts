import { assert, assertEquals } from "@std/assert";
import { table } from "../../../../lib/cli/display/table.ts";
import { textWidth } from "../../../../lib/cli/display/width.ts";
import { prng } from "../../../support/prng.ts";

Deno.test("table: columns are aligned, numbers to the right, and a table without rows has only headings", () => {
  const rows = [["a", 5], ["long", 10]] as const;
  for (const width of [undefined, 8]) {
    assertEquals(table(["NAME", "N"], rows, width), "NAME   N\na      5\nlong  10\n");
    assertEquals(table(["NAME", "N"], [], width), "NAME  N\n");
  }
});

Deno.test("table: a narrow terminal has text wrapped, or rows of more lines", () => {
  const rows = [["limits.oci.names", "", "1000", "most names that one archive may give"]];
  const headings = ["KEY", "VALUE", "DEFAULT", "ABOUT"];
  assertEquals(
    table(headings, rows, 60),
    `KEY               VALUE  DEFAULT  ABOUT
limits.oci.names         1000     most names that one
                                  archive may give
`,
  );
  assertEquals(
    table(headings, rows, 40),
    `KEY               VALUE  DEFAULT
  ABOUT
limits.oci.names         1000
  most names that one archive may give
`,
  );
  const ids = ["0123456789ab", "123456789abc", "23456789abcd", "3456789abcde"];
  assertEquals(
    table(["DIFF ID", "CHAIN ID", "PARENT", "BLOB", "N"], [[...ids, 7]], 40),
    `DIFF ID       CHAIN ID      PARENT
  BLOB          N
0123456789ab  123456789abc  23456789abcd
  3456789abcde  7
`,
  );
});

Deno.test("table: random cells are all there, in lines that fit, with every word that fits whole", () => {
  const random = prng(6);
  const cell = (columns: number) =>
    Array.from({ length: random.int(0, 6) }, () => "x".repeat(random.int(1, columns))).join(" ");
  for (let i = 0; i < 500; i++) {
    const width = random.int(20, 90);
    const count = random.int(1, 8);
    const headings = Array.from({ length: count }, (_, at) => `H${at}`);
    const rows = Array.from(
      { length: random.int(0, 5) },
      () => headings.map(() => random.int(0, 3) === 0 ? random.int(0, 9999) : cell(width)),
    );
    const text = table(headings, rows, width);
    for (const line of text.split("\n")) {
      assert(textWidth(line) <= width, JSON.stringify([width, rows, line]));
    }
    const wordsOf = (text: string) => text.split(/\s+/).filter(Boolean).sort();
    assertEquals(wordsOf(text), wordsOf([headings, ...rows].flat().join(" ")));
  }
});
