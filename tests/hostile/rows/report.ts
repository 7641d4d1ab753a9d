/** Results of tests, by row of the corpus. */
import { ROWS, rowsOf, WITHOUT_TEST } from "./rows.ts";

/** How a test ended. */
export interface TestResult {
  readonly name: string;
  readonly result: "ok" | "failed" | "skipped";
}

/** The results in a JUnit report, as `deno test --junit-path` writes it. */
export function parseJunit(xml: string): TestResult[] {
  const cases = xml.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  return [...cases].map(([, name = "", inside = ""]) => ({
    name: unescapeXml(name),
    result: /<(?:failure|error)\b/.test(inside)
      ? "failed"
      : /<skipped\b/.test(inside)
      ? "skipped"
      : "ok",
  }));
}

function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = {
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
    amp: "&",
  };
  return text.replace(
    /&(?:#([0-9]+)|#x([0-9a-f]+)|(\w+));/gi,
    (whole, decimal, hex, name) =>
      name !== undefined
        ? named[name] ?? whole
        : String.fromCodePoint(decimal !== undefined ? Number(decimal) : parseInt(hex, 16)),
  );
}

/** One row of the table. */
export interface RowResult {
  readonly row: string;
  readonly tests: readonly TestResult[];
  /** `ok`, `FAILED`, `skipped`, `NO TEST OF ITS OWN`, or why there is no test. */
  readonly result: string;
  /** Whether the row is as it should be. */
  readonly isGood: boolean;
}

/**
 * The table of all rows. A row fails when a test of it fails, when it has neither a test nor a reason, or when all of
 * its tests are those of other rows, too.
 *
 * @param isWhole whether the results are those of all tests; only then a row can lack a test of its own
 */
export function tabulate(
  results: readonly TestResult[],
  { isWhole }: { readonly isWhole: boolean },
): RowResult[] {
  const byRow = new Map<string, TestResult[]>();
  for (const result of results) {
    for (const row of rowsOf(result.name)) byRow.set(row, [...byRow.get(row) ?? [], result]);
  }
  return ROWS.map((row) => {
    const tests = byRow.get(row) ?? [];
    if (tests.length === 0) {
      const reason = WITHOUT_TEST[row];
      return { row, tests, result: reason ?? "NO TEST", isGood: reason !== undefined };
    }
    if (tests.some(({ result }) => result === "failed")) {
      return { row, tests, result: "FAILED", isGood: false };
    }
    if (isWhole && tests.every(({ name }) => rowsOf(name).length > 1)) {
      return { row, tests, result: "NO TEST OF ITS OWN", isGood: false };
    }
    const isSkipped = tests.every(({ result }) => result === "skipped");
    return { row, tests, result: isSkipped ? "skipped" : "ok", isGood: true };
  });
}

/** The table as text: a line for each row, and one for each test of it. */
export function formatTable(rows: readonly RowResult[]): string {
  const lines = rows.flatMap(({ row, tests, result }) => [
    `${row}  ${tests.length} ${tests.length === 1 ? "test " : "tests"}  ${result}`,
    ...tests.map((test) => `       ${test.result.padEnd(7)}  ${test.name}`),
  ]);
  const count = (wanted: (row: RowResult) => boolean) => rows.filter(wanted).length;
  const good = count(({ tests, isGood }) => isGood && tests.length > 0);
  const bad = count(({ isGood }) => !isGood);
  const open = rows.length - good - bad;
  return [...lines, `${rows.length} rows: ${good} hold, ${bad} do not, ${open} are to come`, ""]
    .join("\n");
}

/** Test files with the id of a row in them, as paths. */
export async function filesWithRows(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) found.push(...await filesWithRows(path));
    else if (name.endsWith("_test.ts") && rowsOf(await Deno.readTextFile(path)).length > 0) {
      found.push(path);
    }
  }
  return found.sort();
}
