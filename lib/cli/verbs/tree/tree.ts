import { type ByteString, escapeForTerminal } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { mapKey } from "../../../tree/internal.ts";
import { type Node, type Tree, walk } from "../../../tree/mod.ts";
import { humanSize } from "../../display/human_size.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { formatName, nodeToJson } from "../../nodes.ts";
import { openPath, slashed } from "../../files/open_files.ts";
import { sizeOf, usage } from "../../files/usage.ts";
import { stringOption, type Verb } from "../../verb.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve tree`. */
export const tree: Verb = {
  usage: "tree <ref[:/path]>",
  withoutStore: "refuses",
  summary: "print the tree of an image",
  onlyReads: true,
  help:
    `With --size, each entry has its size: of a directory that of everything in it, a file with several names (hard
links) counted once, as du does.

JSON: {"digest","entries":[…as in stat]}, in the order of the text; with --size each entry also has "bytes"

Example:
  varve tree debian:/usr --depth 2`,
  configure(command) {
    command
      .helpOption("--help", "display help for command")
      .option("-s, --size", "show sizes")
      .option("-h, --human-readable", "show sizes in powers of 1024, such as 1.5K")
      .option("-L, --depth <n>", "number of levels to print (default: all)")
      .option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [argument = ""], options) {
    const depth = depthOf(stringOption(options, "depth"));
    await using target = await openPath(context, argument, true, options, "tree");
    const { files, path, node } = target;
    if (node.type !== "directory") {
      throw new VarveError("E_USAGE", `Cannot print ${argument} as a tree: it is not a directory`);
    }
    const tree = await files.tree();
    const base = slashed(path);
    const above = base.split("/").length - 2;
    const human = options["humanReadable"] === true;
    const sizes = human || options["size"] === true ? directorySizes(tree, target) : undefined;
    const sizeAt = (path: ByteString, node: Node) => sizes?.get(mapKey(path)) ?? sizeOf(node);
    const format = human ? humanSize : String;
    function* entries(): Generator<TreeEntry> {
      for (const entry of walk(tree, { from: path })) {
        if (entry.depth - above <= depth) yield entry;
      }
    }
    function* json(): Generator<unknown> {
      for (const { path, node } of entries()) {
        const json = nodeToJson(`/${path}` as ByteString, node);
        yield sizes === undefined ? json : { ...json, bytes: sizeAt(path, node) };
      }
    }
    function* lines(): Generator<string> {
      const size = (path: ByteString, node: Node) =>
        sizes === undefined ? "" : `  ${format(sizeAt(path, node))}`;
      yield `${escapeForTerminal(base as ByteString)}${size(path, node)}  ${tree.digest}\n`;
      for (const { path, name, node, depth } of entries()) {
        const end = node.type === "directory" ? "/" : "";
        yield `${"  ".repeat(depth - above)}${formatName(name, node)}${end}${size(path, node)}\n`;
      }
    }
    return { json: { digest: tree.digest, entries: json() }, text: lines() };
  },
};

/** The sizes of directories, by the {@linkcode mapKey} of the path. */
function directorySizes(
  tree: Tree,
  start: { readonly path: ByteString; readonly node: Node },
): Map<ByteString, number> {
  const sizes = new Map<ByteString, number>();
  for (const { path, node, bytes } of usage(tree, start)) {
    if (node.type === "directory") sizes.set(mapKey(path), bytes);
  }
  return sizes;
}

type TreeEntry = ReturnType<typeof walk> extends Iterable<infer T> ? T : never;

function depthOf(value: string | undefined): number {
  if (value === undefined) return Infinity;
  if (!/^[1-9][0-9]{0,3}$/.test(value)) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use depth ${JSON.stringify(value)}: give a number above 0`,
    );
  }
  return Number(value);
}
