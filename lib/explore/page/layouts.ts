/** A rectangle of a map. */
export interface MapBox {
  /** Index of the path. */
  readonly at: number;
  readonly depth: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What a layout needs of the paths. */
export interface MapSource {
  entries(at: number): readonly number[];
  bytes(at: number): number;
}

/** Bounds of a map. */
export interface MapBounds {
  readonly width: number;
  readonly height: number;
  /** Least side of a rectangle. */
  readonly least: number;
  /** Most rectangles. */
  readonly most: number;
}

/**
 * Squarified treemap: each rectangle has an area as its bytes, and is as near to a square as a simple rule makes it
 * (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000). Directories have a margin for their name.
 */
export function treemap(source: MapSource, root: number, bounds: MapBounds): MapBox[] {
  const head = 18;
  const boxes: MapBox[] = [];
  const queue: MapBox[] = [
    { at: root, depth: 0, x: 0, y: 0, width: bounds.width, height: bounds.height },
  ];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { at, depth, x, y, width, height } = next;
    if (depth > 0) boxes.push(next);
    if (boxes.length + queue.length >= bounds.most) continue;
    const inner = depth === 0
      ? { x, y, width, height }
      : { x: x + 2, y: y + head, width: width - 4, height: height - head - 2 };
    if (inner.width < bounds.least * 2 || inner.height < bounds.least * 2) continue;
    const entries = source.entries(at).filter((one) => source.bytes(one) > 0);
    const room = bounds.most - boxes.length - queue.length;
    const shown = entries.sort((a, b) => source.bytes(b) - source.bytes(a)).slice(0, room);
    const places = squarify(shown.map((one) => source.bytes(one)), inner);
    for (const [i, place] of places.entries()) {
      if (place.width < bounds.least || place.height < bounds.least) continue;
      queue.push({ at: shown[i] as number, depth: depth + 1, ...place });
    }
  }
  return boxes;
}

/** Divides a rectangle among sizes, the largest first: areas are as the sizes. */
export function squarify(
  sizes: readonly number[],
  { x, y, width, height }: Pick<MapBox, "x" | "y" | "width" | "height">,
): Pick<MapBox, "x" | "y" | "width" | "height">[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const scale = width * height / total;
  const places: Pick<MapBox, "x" | "y" | "width" | "height">[] = [];
  const worst = (side: number, sum: number, least: number, most: number) =>
    Math.max(side * side * most / (sum * sum), sum * sum / (side * side * least));
  let [left, top, right, bottom] = [x, y, x + width, y + height];
  for (let i = 0; i < sizes.length;) {
    const side = Math.min(right - left, bottom - top);
    const most = (sizes[i] as number) * scale;
    let sum = most;
    let end = i + 1;
    for (; end < sizes.length; end++) {
      const area = (sizes[end] as number) * scale;
      const before = worst(side, sum, (sizes[end - 1] as number) * scale, most);
      if (worst(side, sum + area, area, most) > before) break;
      sum += area;
    }
    const isWide = right - left >= bottom - top;
    const thick = side === 0 ? 0 : sum / side;
    let along = isWide ? top : left;
    for (; i < end; i++) {
      const length = sum === 0 ? 0 : (sizes[i] as number) * scale / sum * side;
      places.push(
        isWide
          ? { x: left, y: along, width: thick, height: length }
          : { x: along, y: top, width: length, height: thick },
      );
      along += length;
    }
    if (isWide) left += thick;
    else top += thick;
  }
  return places;
}

/** Icicle: a column for each level, in which the entries of a directory divide its height by their bytes. */
export function icicle(source: MapSource, root: number, bounds: MapBounds): MapBox[] {
  const levels = 5;
  const column = bounds.width / levels;
  const boxes: MapBox[] = [];
  const queue: MapBox[] = [
    { at: root, depth: 0, x: 0, y: 0, width: column, height: bounds.height },
  ];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { at, depth, y, height } = next;
    boxes.push(next);
    if (depth + 1 >= levels || boxes.length + queue.length >= bounds.most) continue;
    let top = y;
    const entries = source.entries(at).filter((one) => source.bytes(one) > 0);
    for (const one of entries.sort((a, b) => source.bytes(b) - source.bytes(a))) {
      const part = height * source.bytes(one) / source.bytes(at);
      if (part >= bounds.least && boxes.length + queue.length < bounds.most) {
        const x = column * (depth + 1);
        queue.push({ at: one, depth: depth + 1, x, y: top, width: column, height: part });
      }
      top += part;
    }
  }
  return boxes;
}
