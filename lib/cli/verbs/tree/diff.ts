import { type ByteString, escapeForTerminal } from "../../../bytes/mod.ts";
import { imageTree } from "../../../image/mod.ts";
import { diffTrees } from "../../../layer/mod.ts";
import type { Tree } from "../../../tree/mod.ts";
import type { Context } from "../../context.ts";
import { openImage, PLATFORM_OPTION } from "../../images.ts";
import { nodeToJson } from "../../nodes.ts";
import { isSnapshot, treesOfSnapshot } from "./snapshots.ts";
import type { Options, Verb } from "../../verb.ts";

/** `varve diff`. */
export const diff: Verb = {
  usage: "diff <a> [b]",
  withoutStore: "refuses",
  summary: "list the paths that differ between two images or snapshots",
  onlyReads: true,
  help:
    `A and B are images or keys of snapshots. A snapshot is read as it is now. If a snapshot and an image have the
same name, the snapshot is taken. Without B, a snapshot is compared with its parent, and an image with its
layers below the topmost one.

The letters mean: A added, M modified, D deleted.

JSON: [{"kind":"add|modify|delete","path","before","after"}]; before and after are as in stat

Examples:
  varve diff work
  varve diff debian:11 debian:12`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [a = "", b], options) {
    const [before, after] = await treesOf(context, a, b, options);
    function* json(): Generator<unknown> {
      for (const { kind, path, before: old, after: now } of diffTrees(before, after)) {
        const full = `/${path}` as ByteString;
        yield {
          kind,
          path: escapeForTerminal(full),
          before: old === undefined ? null : nodeToJson(full, old),
          after: now === undefined ? null : nodeToJson(full, now),
        };
      }
    }
    function* lines(): Generator<string> {
      for (const { kind, path } of diffTrees(before, after)) {
        yield `${LETTERS[kind]} ${escapeForTerminal(`/${path}` as ByteString)}\n`;
      }
    }
    return { json: json(), text: lines() };
  },
};

const LETTERS = { add: "A", modify: "M", delete: "D" } as const;

async function treesOf(
  context: Context,
  a: string,
  b: string | undefined,
  options: Options,
): Promise<[Tree, Tree]> {
  const first = await comparableOf(context, a, options);
  if (b === undefined) return [await first.before(), await first.after()];
  const second = await comparableOf(context, b, options);
  return [await first.after(), await second.after()];
}

/** An image or snapshot as two trees: one without its topmost layer or its changes, and one with them. */
interface Comparable {
  before(): Promise<Tree>;
  after(): Promise<Tree>;
}

async function comparableOf(
  context: Context,
  argument: string,
  options: Options,
): Promise<Comparable> {
  const store = await context.store();
  if (isSnapshot(store, argument)) {
    const { before, after } = await treesOfSnapshot(context, argument);
    return { before: () => Promise.resolve(before), after: () => Promise.resolve(after) };
  }
  const image = await openImage(store, argument, options);
  return {
    before: () => imageTree(store, { ...image, layers: image.layers.slice(0, -1) }),
    after: () => imageTree(store, image),
  };
}
