import { type ByteString, escapeForTerminal, formatBytes } from "../../../bytes/mod.ts";
import { EXIT_CODES, VarveError } from "../../../errors.ts";
import { type Change, foldLayers } from "../../../layer/mod.ts";
import { lookup, type Node, type Tree } from "../../../tree/mod.ts";
import { writeList } from "../../display/json.ts";
import { writeForeign } from "../../display/output.ts";
import { compareSides, reasonsOf, type Side } from "../../files/compare.ts";
import { type Files, openPath } from "../../files/open_files.ts";
import { sizeOf } from "../../files/usage.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { nodeToJson } from "../../nodes.ts";
import type { Context } from "../../context.ts";
import type { Options, Report, Verb } from "../../verb.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve diff`. */
export const diff: Verb = {
  usage: "diff <a> [b]",
  withoutStore: "refuses",
  summary: "list the paths that differ between two images or snapshots",
  onlyReads: true,
  help:
    `A and B are images, keys of snapshots or layers, each with or without a :/PATH. A snapshot is read as it is now. If
several have the same name, the snapshot is taken, then the image. Without B, a snapshot is compared with its parent,
and an image with its layers below the topmost one.

The letters mean: A added, M modified, D deleted. Paths begin at the root if A and B have the same :/PATH, else at these
paths. What was in a deleted directory is listed with --stat and --content only.

--stat shows by how many bytes a path grew, and what was modified: content, mode, owner, mtime, xattr, target, type or
links. --content shows the differences of files in the form that patch(1) reads, with -p1. Files above 4 MiB, and those
that are no text, are only said to differ.

JSON: [{"kind":"add|modify|delete","path","why":[TEXT],"bytes","before","after"}]; before and after are as in stat; why is
empty unless modified; bytes is by how much the path grew. With --content also "content", null where there is none.

Examples:
  varve diff work
  varve diff --stat debian:11 debian:12
  varve diff --content debian:11:/etc debian:12:/etc`,
  configure(command) {
    command
      .option("--stat", "show sizes and what was modified, and the sums")
      .option("--name-only", "show only paths")
      .option("--content", "show the differences of contents")
      .option("--exit-code", "end with 13 if something differs")
      .option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [a = "", b], options) {
    const chosen = ["stat", "nameOnly", "content"].filter((name) => options[name] === true);
    if (chosen.length > 1) {
      throw new VarveError("E_USAGE", "Cannot use --stat, --name-only and --content together");
    }
    await using stack = new AsyncDisposableStack();
    const sides = await sidesOf(context, stack, a, b, options);
    const deep = options["stat"] === true || options["content"] === true;
    let differs = false;
    function* changes(): Generator<Change> {
      for (const change of compareSides(sides.before, sides.after, deep)) {
        differs = true;
        yield change;
      }
    }
    if (options["content"] === true) await writeContents(context, sides, changes());
    const text = options["nameOnly"] === true
      ? names
      : options["stat"] === true
      ? statistics
      : letters;
    return options["content"] === true
      ? { json: undefined, text: "", exit: exitOf(differs, options) }
      : reportOf(changes, text, options);
  },
};

function exitOf(differs: boolean, options: Options): number {
  return differs && options["exitCode"] === true ? EXIT_CODES.E_RULE : 0;
}

function reportOf(
  changes: () => Generator<Change>,
  text: (changes: Iterable<Change>) => Iterable<string>,
  options: Options,
): Report {
  // A second comparison is stopped at its first difference.
  const differs = options["exitCode"] === true && changes().next().done === false;
  function* json(): Generator<unknown> {
    for (const change of changes()) yield jsonOf(change);
  }
  return { json: json(), text: text(changes()), exit: exitOf(differs, options) };
}

const LETTERS = { add: "A", modify: "M", delete: "D" } as const;

function* letters(changes: Iterable<Change>): Generator<string> {
  for (const { kind, path } of changes) yield `${LETTERS[kind]} ${shown(path)}\n`;
}

function* names(changes: Iterable<Change>): Generator<string> {
  for (const { path } of changes) yield `${shown(path)}\n`;
}

function* statistics(changes: Iterable<Change>): Generator<string> {
  const counts = { add: 0, modify: 0, delete: 0 };
  let [grown, shrunk] = [0, 0];
  for (const change of changes) {
    const { kind, path } = change;
    const bytes = bytesOf(change);
    counts[kind]++;
    if (bytes > 0) grown += bytes;
    else shrunk -= bytes;
    const why = whyOf(change).map((reason) => ` ${reason}`).join(",");
    yield `${LETTERS[kind]} ${shown(path)}  ${signed(bytes)}${why === "" ? "" : ` ${why}`}\n`;
  }
  yield `${counts.add} added, ${counts.modify} modified, ${counts.delete} deleted: ` +
    `+${formatBytes(grown)}, -${formatBytes(shrunk)}\n`;
}

function signed(bytes: number): string {
  return `${bytes < 0 ? "-" : "+"}${formatBytes(Math.abs(bytes))}`;
}

function shown(path: ByteString): string {
  return escapeForTerminal(`/${path}` as ByteString);
}

/** By how many bytes a path grew. */
function bytesOf({ before, after }: Change): number {
  return sizeOrNone(after) - sizeOrNone(before);
}

function sizeOrNone(node: Node | undefined): number {
  return node === undefined ? 0 : sizeOf(node);
}

function whyOf({ before, after }: Change): string[] {
  if (before === undefined || after === undefined) return [];
  return reasonsOf(before, after).map((reason) => escapeForTerminal(reason as ByteString));
}

function jsonOf(change: Change): Record<string, unknown> {
  const { kind, path, before, after } = change;
  const full = `/${path}` as ByteString;
  return {
    kind,
    path: shown(path),
    why: whyOf(change),
    bytes: bytesOf(change),
    before: before === undefined ? null : nodeToJson(full, before),
    after: after === undefined ? null : nodeToJson(full, after),
  };
}

/** The two sides of a comparison, and where to read their contents. */
interface Sides {
  readonly before: Side;
  readonly after: Side;
  readonly beforeFiles: Files;
  readonly afterFiles: Files;
}

async function sidesOf(
  context: Context,
  stack: AsyncDisposableStack,
  a: string,
  b: string | undefined,
  options: Options,
): Promise<Sides> {
  const what = options["content"] === true ? "contents" : "tree";
  const first = stack.use(await openPath(context, a, true, options, what));
  const files = first.files;
  const side = { tree: await rootTree(files), path: first.path, node: first.node };
  if (b === undefined) {
    const tree = await files.before();
    const before = { tree, path: side.path, node: lookup(tree, side.path) };
    return { before, after: side, beforeFiles: files, afterFiles: files };
  }
  const second = stack.use(await openPath(context, b, true, options, what));
  const { path, node } = second;
  const after = { tree: await rootTree(second.files), path, node };
  return { before: side, after, beforeFiles: files, afterFiles: second.files };
}

/** The tree of files; of a layer, what it is over nothing. */
async function rootTree(files: Files): Promise<Tree> {
  const tree = await files.tree();
  return files.kind === "layer" ? foldLayers([tree]) : tree;
}

async function writeContents(
  context: Context,
  { before, after, beforeFiles, afterFiles }: Sides,
  changes: Iterable<Change>,
): Promise<void> {
  const { textDiff } = await import("../../files/text_diff.ts");
  const isSame = before.path === after.path;
  const read = async ({ path, ...change }: Change) => {
    // Other paths of changes begin at the sides.
    const on = (side: Side) => isSame ? path : [side.path, path].filter(Boolean).join("/");
    const file = (files: Files, side: Side, node: Node | undefined) => ({
      files,
      path: on(side) as ByteString,
      node,
    });
    return await textDiff(
      path,
      file(beforeFiles, before, change.before),
      file(afterFiles, after, change.after),
    );
  };
  async function* json(): AsyncGenerator<unknown> {
    const decoder = new TextDecoder();
    for (const change of changes) {
      const bytes = await read(change);
      yield { ...jsonOf(change), content: bytes === undefined ? null : decoder.decode(bytes) };
    }
  }
  async function* text(): AsyncGenerator<Uint8Array> {
    for (const change of changes) yield await read(change) ?? new Uint8Array();
  }
  if (context.options.format === "json") {
    await writeList(context.io, json(), context.template);
  } else await writeForeign(context.io, text());
}
