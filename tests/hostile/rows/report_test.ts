import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { filesWithRows, formatTable, parseJunit, tabulate } from "./report.ts";
import { ROWS, rowsOf, WITHOUT_TEST } from "./rows.ts";

const TESTS = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

Deno.test("each row of the corpus is in the name of a test, or says why not", async () => {
  const named = new Set<string>();
  for (const path of await filesWithRows(TESTS)) {
    if (path.includes("/hostile/rows/")) continue;
    const text = await Deno.readTextFile(path);
    // A name is a text that begins with the id of a row, after other ids at most.
    for (const [, ids = ""] of text.matchAll(/["'`]((?:[A-J][0-9]{2}(?:[ ,:]+|, P[0-9]: ))+)/g)) {
      for (const row of rowsOf(ids)) named.add(row);
    }
    for (const [, name = ""] of text.matchAll(/(?:Deno\.test\(|name:)\s*["'`]([^"'`]*)/g)) {
      for (const row of rowsOf(name)) named.add(row);
    }
  }
  assertEquals(ROWS.filter((row) => !named.has(row) && WITHOUT_TEST[row] === undefined), []);
  assertEquals(Object.keys(WITHOUT_TEST).filter((row) => named.has(row)), []);
  assertEquals(new Set(ROWS).size, ROWS.length);
});

Deno.test("the table says of each row which tests it has, and how they ended", () => {
  const xml = `<testsuites><testsuite>
    <testcase name="A01 A02 a &quot;test&quot; &amp; more" classname="x" time="1" line="1" col="6">
    </testcase>
    <testcase name="A01 one more" classname="x" />
    <testcase name="B01 B02 a test of two" classname="x" />
    <testcase name="A02 B99 another" classname="x"><failure message="no">text</failure></testcase>
    <testcase name="a test of C05" classname="x"><skipped/></testcase>
    <testcase name="without a row" classname="x" />
  </testsuite></testsuites>`;
  const results = parseJunit(xml);
  assertEquals(results.map(({ result }) => result), [
    ...["ok", "ok", "ok", "failed", "skipped", "ok"],
  ]);
  const rows = new Map(tabulate(results, { isWhole: true }).map((row) => [row.row, row]));
  const resultOf = (row: string) => [rows.get(row)?.result, rows.get(row)?.isGood];
  assertEquals(resultOf("A01"), ["ok", true]);
  assertEquals(resultOf("A02"), ["FAILED", false]);
  assertEquals(resultOf("A03"), ["NO TEST", false]);
  assertEquals(resultOf("B01"), ["NO TEST OF ITS OWN", false]);
  const some = tabulate(results, { isWhole: false }).find(({ row }) => row === "B01");
  assertEquals([some?.result, some?.isGood], ["ok", true]);
  assertEquals(resultOf("C05"), ["skipped", true]);
  assertEquals(resultOf("I04")[1], true);
  const text = formatTable([...rows.values()]);
  assertStringIncludes(text, 'A01  2 tests  ok\n       ok       A01 A02 a "test" & more\n');
  assert(text.includes("A02  2 tests  FAILED\n"), text);
});
