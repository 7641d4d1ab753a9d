import { formatBytes } from "../../../../bytes/mod.ts";
import { wrapLine } from "../../../display/wrap.ts";
import { fitText, padStart } from "./fit_text.ts";
import type { Part } from "./lines.ts";
import type { ViewState } from "./state.ts";

/** Columns of sizes. */
const SIZE = 9;

/** The lines of the layers, lowest first, as dive has them. */
export function layerLines(state: ViewState, height: number, width: number): Part[][] {
  const { layer, layerTop, isAggregated, model: { layers } } = state;
  return Array.from({ length: height }, (_, i): Part[] => {
    const at = layerTop + i;
    const one = layers[at];
    if (one === undefined) return [];
    // What the tree shows the changes of.
    const isCompared = isAggregated ? at > 0 && at <= layer : at === layer;
    const size = padStart(formatBytes(one.bytes), SIZE);
    const text = fitText(`${size}  ${one.command === "" ? one.name : one.command}`, width - 1);
    return [
      { text: isCompared ? "▌" : " ", style: "plain" },
      { text, style: at === layer ? "chosen" : "plain" },
    ];
  });
}

/** The details of the chosen layer and of the image, in at most `height` lines. */
export function detailLines(state: ViewState, height: number, width: number): Part[][] {
  const { layer, model: { layers, about, inefficient } } = state;
  const one = layers[layer];
  if (height < 2) return [];
  const heading = (text: string): Part => ({
    text: fitText(`│ ${text} ${"─".repeat(Math.max(0, width - text.length - 3))}`, width),
    style: "title",
  });
  const plain = (text: string): Part[] => [{ text: fitText(text, width), style: "plain" }];
  // The image has the larger part, where it needs it.
  const most = Math.max(1, height - Math.min(Math.floor(height / 2), about.length + 2) - 1);
  const details = one === undefined ? [] : [
    `Digest:  ${one.name}`,
    ...one.created === "" ? [] : [`Created: ${one.created}`],
    ...one.comment === "" ? [] : [`Comment: ${one.comment}`],
    ...one.command === "" ? [] : commandLines(one.command, width, most),
  ].slice(0, most);
  const lines = [[heading("Layer Details")], ...details.map(plain)];
  const wasted = inefficient.map(({ count, bytes, path }) =>
    `${padStart(String(count), 5)}  ${padStart(formatBytes(bytes), SIZE)}  ${path}`
  );
  lines.push([heading("Image Details")], ...about.map(plain));
  if (wasted.length > 0) {
    lines.push([{ text: fitText("COUNT       BYTES  PATH", width), style: "title" }]);
    lines.push(...wasted.slice(0, height).map(plain));
  }
  return lines.slice(0, height);
}

function commandLines(command: string, width: number, most: number): string[] {
  // More than there is room for is not wrapped.
  return wrapLine(`Command: ${command.slice(0, most * width)}`, width, 0)
    .flatMap((line) => chunks(line, width));
}

/** A word that is wider than the pane goes on in the next line. */
function chunks(line: string, width: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < line.length; at += width) lines.push(line.slice(at, at + width));
  return lines;
}
