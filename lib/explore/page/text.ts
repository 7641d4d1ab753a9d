import { element, type PageElement } from "./dom.ts";

/** A share as a percentage. */
export function percentText(ratio: number): string {
  return `${(100 * ratio).toFixed(2)} %`;
}

/** Long text: its beginning, and the rest on demand. */
export function longText(text: string): PageElement | string {
  const most = 160;
  if (text.length <= most) return text;
  const head = element("summary", {}, `${text.slice(0, most)}…`);
  return element("details", {}, head, element("code", {}, text));
}

/** A table. Cells that are numbers are aligned to the right. */
export function tableOf(
  caption: string,
  headings: readonly string[],
  rows: readonly (readonly (PageElement | string | number)[])[],
): PageElement {
  const head = headings.map((heading) => element("th", { scope: "col" }, heading));
  const body = rows.map((row) =>
    element(
      "tr",
      {},
      ...row.map((cell) =>
        typeof cell === "number"
          ? element("td", { class: "number" }, String(cell))
          : element("td", {}, cell)
      ),
    )
  );
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...body),
    ),
  );
}
