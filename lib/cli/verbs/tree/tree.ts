import { type ByteString, escapeForTerminal } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { walk } from "../../../tree/mod.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { formatName, nodeToJson } from "../../nodes.ts";
import { openPath, slashed } from "../../files/open_files.ts";
import { stringOption, type Verb } from "../../verb.ts";

/** `varve tree`. */
export const tree: Verb = {
  usage: "tree <ref[:/path]>",
  withoutStore: "refuses",
  summary: "print the tree of an image",
  onlyReads: true,
  help: `JSON: {"digest","entries":[…as in stat]}, in the order of the text

Example:
  varve tree debian:/usr --depth 2`,
  configure(command) {
    command
      .option("--depth <n>", "number of levels to print (default: all)")
      .option(...PLATFORM_OPTION);
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
    function* entries(): Generator<TreeEntry> {
      for (const entry of walk(tree, { from: path })) {
        if (entry.depth - above <= depth) yield entry;
      }
    }
    function* json(): Generator<unknown> {
      for (const { path, node } of entries()) yield nodeToJson(`/${path}` as ByteString, node);
    }
    function* lines(): Generator<string> {
      yield `${escapeForTerminal(base as ByteString)}  ${tree.digest}\n`;
      for (const { name, node, depth } of entries()) {
        const end = node.type === "directory" ? "/" : "";
        yield `${"  ".repeat(depth - above)}${formatName(name, node)}${end}\n`;
      }
    }
    return { json: { digest: tree.digest, entries: json() }, text: lines() };
  },
};

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
