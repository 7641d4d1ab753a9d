/** Results of a benchmark as JSON, in `tests/bench/results/`, and as a Markdown table on stdout. */
// deno-lint-ignore-file no-console

/** A line of a table, by column. */
export type ResultRow = Readonly<Record<string, string | number>>;

/** Keeps and prints rows that have the same columns. Numbers are shown with three digits that count. */
export async function report(
  name: string,
  title: string,
  rows: readonly ResultRow[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) throw new RangeError("Cannot report: there are no rows");
  const columns = Object.keys(first);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  console.log([
    `\n### ${title}\n`,
    line(columns),
    line(columns.map((_, i) => i === 0 ? "---" : "---:")),
    ...rows.map((row) => line(columns.map((column) => show(row[column] ?? "")))),
    "",
  ].join("\n"));
  const directory = new URL("./results/", import.meta.url);
  await Deno.mkdir(directory, { recursive: true });
  const machine = { kernel: Deno.osRelease(), cores: navigator.hardwareConcurrency };
  await Deno.writeTextFile(
    new URL(`${name}.json`, directory),
    `${JSON.stringify({ title, machine, rows }, null, 2)}\n`,
  );
}

function show(value: string | number): string {
  if (typeof value === "string") return value;
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
