import { writeFile } from "../../../archive/mod.ts";
import {
  type ExploreReport,
  type HtmlChange,
  type HtmlImage,
  htmlPage,
  type PathColumns,
} from "../../../explore/mod.ts";
import { foldSteps } from "../../../layer/internal.ts";
import { diffTrees } from "../../../layer/mod.ts";
import { inTurns } from "../../../pool/internal.ts";
import type { Node, Tree } from "../../../tree/mod.ts";
import type { Context } from "../../context.ts";
import { shortDigest } from "../../display/short.ts";
import type { Explored } from "./explored.ts";

/** An image with its report. */
export interface ExploredReport {
  /** What the user called it. */
  readonly argument: string;
  readonly explored: Explored;
  readonly report: ExploreReport;
  /** Its paths, for a page. */
  readonly columns: PathColumns | undefined;
}

/**
 * Writes one HTML file that shows one image, or two and what differs from the first to the second.
 *
 * @returns its size in bytes
 * @throws {VarveError} as `writeFile`
 */
export async function writeHtml(
  context: Context,
  file: string,
  images: readonly ExploredReport[],
): Promise<number> {
  const page = await htmlParts(context, images, false);
  let size = 0;
  const encoder = new TextEncoder();
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const part of page()) {
      context.signal.throwIfAborted();
      const chunk = encoder.encode(part);
      size += chunk.length;
      yield chunk;
    }
  }
  await writeFile(file, ReadableStream.from(bytes()), context.options.durability ?? "full");
  return size;
}

/**
 * A page that shows one image, or two and what differs from the first to the second, as a function that makes its parts.
 *
 * @param live whether a server answers for the files
 */
export async function htmlParts(
  context: Context,
  images: readonly ExploredReport[],
  live: boolean,
): Promise<() => Iterable<string>> {
  const [from, to] = images;
  const trees = from === undefined || to === undefined
    ? undefined
    : [await rootTree(context, from), await rootTree(context, to)] as const;
  const shown = images.map(htmlImage);
  return () => htmlPage(shown, trees === undefined ? null : changesOf(...trees), { live });
}

/** An image as a page has it. */
function htmlImage(
  { explored: { facts, source, usage }, report, columns }: ExploredReport,
): HtmlImage {
  return {
    name: source.name,
    about: [facts.platform, facts.imageId && shortDigest(facts.imageId)].filter(Boolean).join(" "),
    report,
    columns,
    store: usage,
  };
}

async function rootTree(context: Context, { explored }: ExploredReport): Promise<Tree> {
  const trees = explored.layers.map(({ tree }) => tree);
  return await inTurns(foldSteps(trees), context.signal);
}

function* changesOf(from: Tree, to: Tree): Generator<HtmlChange> {
  for (const { kind, path, before, after } of diffTrees(from, to, { deep: true })) {
    yield { kind, path, before: sizeOf(before), after: sizeOf(after) };
  }
}

function sizeOf(node: Node | undefined): number {
  return node?.type === "file" ? node.size : 0;
}
