/** Size of a terminal in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Where things are on a screen. */
export interface Layout {
  /** Whether there is room for only one pane: the one where keys go. */
  readonly isNarrow: boolean;
  /** Columns of the pane of layers. */
  readonly leftWidth: number;
  /** First column of the tree. */
  readonly treeColumn: number;
  readonly treeWidth: number;
  /** Rows for layers. */
  readonly layerRows: number;
  /** Rows for details of the layer and of the image below them, headings included. */
  readonly detailRows: number;
  /** Rows for paths. */
  readonly treeRows: number;
  /** Whether the attributes of paths have room. */
  readonly hasAttributes: boolean;
}

/** Fewest columns for two panes. */
const TWO_PANES = 80;
/** Fewest columns of the tree that also shows attributes, as dive has it. */
const WITH_ATTRIBUTES = 60;
/** Rows of a pane that are not its content: its title and the headings of its columns. */
const HEAD = 2;
/** Rows below the panes: one for messages, one for keys. */
const FOOT = 2;
/** Columns between the panes. */
const GAP = 1;

/** Divides a screen, for an image with a number of layers. */
export function layoutOf({ columns, rows }: Size, layers: number): Layout {
  const isNarrow = columns < TWO_PANES;
  const leftWidth = isNarrow ? columns : Math.floor((columns - GAP) / 2);
  const treeColumn = isNarrow ? 0 : leftWidth + GAP;
  const treeWidth = columns - treeColumn;
  const content = Math.max(1, rows - FOOT - HEAD);
  const layerRows = Math.max(1, Math.min(layers, Math.floor(content / 3) + 1));
  return {
    isNarrow,
    leftWidth,
    treeColumn,
    treeWidth,
    layerRows,
    detailRows: content - layerRows,
    treeRows: content,
    hasAttributes: treeWidth >= WITH_ATTRIBUTES,
  };
}
