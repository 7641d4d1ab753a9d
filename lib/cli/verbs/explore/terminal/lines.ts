/** How a part of a line looks. */
export type Style = "plain" | "title" | "active" | "chosen" | "added" | "modified" | "removed";

/** A part of a line. */
export interface Part {
  readonly text: string;
  readonly style: Style;
}

/** A line of the screen: parts from a column on. */
export type Line = readonly { readonly column: number; readonly parts: readonly Part[] }[];
