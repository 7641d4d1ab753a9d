/** What the terminal view shows: fixed while it is open. */
import { escapeForTerminal, escapeText, flattenText, formatBytes } from "../../../../bytes/mod.ts";
import {
  type ExploreReport,
  GrowingNumbers,
  type PathColumns,
  readColumns,
  WASTE_CAUSES,
} from "../../../../explore/mod.ts";
import type { Node } from "../../../../tree/mod.ts";
import { formatMode } from "../../../nodes.ts";
import { shownPath } from "../ci_rules.ts";
import type { Explored } from "../explored.ts";

/** Most characters of a command that are kept: more than a screen has room for. */
const MOST_COMMAND = 8192;

/** A layer. All text is printable. */
export interface ViewLayer {
  readonly name: string;
  readonly created: string;
  readonly command: string;
  readonly comment: string;
  readonly bytes: number;
}

/** What a layer has at a path. */
export interface ViewEntry {
  /** Permissions as `ls -l` has them. */
  readonly mode: string;
  readonly owner: string;
  /** Size in bytes. */
  readonly size: number;
  /** Whether it is a directory. */
  readonly isDirectory: boolean;
  /** Target of a symbolic link; `""` for anything else. */
  readonly target: string;
}

/** An image as the terminal view has it. */
export interface ViewModel {
  readonly columns: PathColumns;
  /** Lowest first; at least one. */
  readonly layers: readonly ViewLayer[];
  /** Lines about the image. */
  readonly about: readonly string[];
  /** Paths that dive counts as inefficient: how many layers have them, and their bytes in all of these. */
  readonly inefficient: readonly {
    readonly count: number;
    readonly bytes: number;
    readonly path: string;
  }[];
  /** The entry of a change: an index of the columns. */
  entry(change: number): ViewEntry;
}

/** Makes the model of an image. Reads all paths once. */
export function viewModel({ facts, source }: Explored, report: ExploreReport): ViewModel {
  const modes = new GrowingNumbers((length) => new Int32Array(length));
  const users = new GrowingNumbers((length) => new Float64Array(length));
  const groups = new GrowingNumbers((length) => new Float64Array(length));
  const sizes = new GrowingNumbers((length) => new Float64Array(length));
  const types: Node["type"][] = [];
  const targets = new Map<number, string>();
  const columns = readColumns(report.paths, ({ node }) => {
    if (node.type === "whiteout") throw new TypeError("No change shows a whiteout");
    if (node.type === "symlink") targets.set(types.length, escapeForTerminal(node.target));
    types.push(node.type);
    modes.push(node.mode);
    users.push(node.uid);
    groups.push(node.gid);
    sizes.push(node.type === "file" ? node.size : 0);
  });
  return {
    columns,
    layers: report.layers.map(({ diffId, history, bytes }) => ({
      name: diffId ?? "<changes>",
      created: escapeText(history?.created ?? "").slice(0, MOST_COMMAND),
      command: flattenText((history?.createdBy ?? "").slice(0, MOST_COMMAND)),
      comment: flattenText((history?.comment ?? "").slice(0, MOST_COMMAND)),
      bytes,
    })),
    about: aboutLines(escapeText(source.name), facts.platform ?? "", report),
    inefficient: report.dive.inefficient.map(({ path, count, bytes }) => ({
      count,
      bytes,
      path: shownPath(path),
    })),
    entry(change) {
      const type = types[change] as Exclude<Node["type"], "whiteout">;
      return {
        mode: formatMode({ type, mode: modes.values[change] as number }),
        owner: `${users.values[change]}:${groups.values[change]}`,
        size: sizes.values[change] as number,
        isDirectory: type === "directory",
        target: targets.get(change) ?? "",
      };
    },
  };
}

function aboutLines(name: string, platform: string, report: ExploreReport): string[] {
  const { dive, image, layerBytes, waste, efficiency } = report;
  const lost = WASTE_CAUSES.reduce((sum, cause) => sum + waste[cause].bytes, 0);
  const percent = (ratio: number) => `${(100 * ratio).toFixed(2)} %`;
  return [
    `Image:      ${name}`,
    ...platform === "" ? [] : [`Platform:   ${escapeText(platform)}`],
    `Size:       ${formatBytes(image.bytes)} of ${formatBytes(layerBytes)} in layers`,
    `Wasted:     ${formatBytes(lost)}`,
    `Efficiency: ${percent(efficiency)}`,
    `dive:       ${percent(dive.score)}, ${formatBytes(dive.wastedBytes)} wasted`,
  ];
}
