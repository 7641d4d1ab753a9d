/** A table in Markdown, aligned as `deno fmt` does it. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => width(row[column] ?? "")))
  );
  const line = (cells: readonly string[], fill = " ") =>
    `| ${widths.map((size, column) => padded(cells[column] ?? "", size, fill)).join(" | ")} |`;
  return [line(head), line([], "-"), ...rows.map((row) => line(row))].join("\n");
}

function padded(text: string, size: number, fill: string): string {
  return text + fill.repeat(size - width(text));
}

/** Characters, not UTF-16 units. */
function width(text: string): number {
  return [...text].length;
}
