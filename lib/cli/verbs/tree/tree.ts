import { type ByteString, escapeForTerminal } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { imageView } from "../../../image/internal.ts";
import { imageTree } from "../../../image/mod.ts";
import { type OverlayView, parentPath } from "../../../tree/internal.ts";
import { type NamedNode, type Node, type Tree, walk } from "../../../tree/mod.ts";
import type { Context } from "../../context.ts";
import { listing } from "../../display/listing.ts";
import { openImage, PLATFORM_OPTION, splitReferencePath } from "../../images.ts";
import { formatName, nodeToJson } from "../../nodes.ts";
import { type Options, stringOption, type Verb } from "../../verb.ts";

/** A path in the root tree of an image. `path` has no symbolic links left. */
export interface Target {
  readonly view: OverlayView;
  /** Makes the whole tree. A look-up of a few paths does not need it. */
  readonly tree: () => Promise<Tree>;
  readonly path: ByteString;
  readonly node: Node;
}

/**
 * Looks up `REF:/PATH`. Symbolic links on the way are followed inside the image.
 *
 * @param followLast whether to follow the path itself when it is a symbolic link
 * @param options the options of the verb, with {@linkcode PLATFORM_OPTION}
 * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE`, `E_PLATFORM`
 */
export async function openPath(
  context: Context,
  argument: string,
  followLast: boolean,
  options: Options,
): Promise<Target> {
  const { reference, path } = splitReferencePath(argument);
  const store = await context.store();
  const image = await openImage(store, reference, options);
  const view = await imageView(store, image);
  const found = find(view, path, followLast);
  if (found === undefined) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot find ${escapeForTerminal(path)} in ${reference}: there is no such path`,
      { subject: escapeForTerminal(path) },
    );
  }
  return { view, tree: () => imageTree(store, image), ...found };
}

/**
 * Looks up a path in a view. `undefined` when the path does not exist, or a part before the last is not a directory.
 */
function find(
  view: OverlayView,
  path: ByteString,
  followLast: boolean,
): Pick<Target, "path" | "node"> | undefined {
  try {
    return view.resolve(path, { followLast });
  } catch (error) {
    if (error instanceof VarveError && error.code === "E_NOT_DIR") return undefined;
    throw error;
  }
}

/** `varve ls`. */
export const ls: Verb = {
  usage: "ls <ref[:/path]>",
  withoutStore: "refuses",
  summary: "list a directory of an image, without mounting it",
  onlyReads: true,
  help:
    `In names, a byte that is not printable UTF-8 is shown as \\xNN, and can be given in the same form.

JSON: [{"path","type","mode","uid","gid","mtime",…}], each as in stat

Example:
  varve ls debian:/etc`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [argument = ""], options) {
    const { view, path, node } = await openPath(context, argument, true, options);
    const entries: NamedNode[] = node.type === "directory"
      ? [...view.list(path)]
      : [{ name: lastName(path), node }];
    const base = slashed(node.type === "directory" ? path : parentPath(trimmed(path)));
    const json = entries.map((entry) => nodeToJson(base + entry.name as ByteString, entry.node));
    return { json, text: listing(entries) };
  },
};

/** The part of a path after its last slash. */
function lastName(path: ByteString): ByteString {
  return trimmed(path).slice(trimmed(path).lastIndexOf("/") + 1) as ByteString;
}

function trimmed(path: ByteString): ByteString {
  return path.replace(/^\/+|\/+$/g, "") as ByteString;
}

/** Absolute path of a directory, with a slash at its end. */
function slashed(path: ByteString): string {
  const clean = trimmed(path);
  return clean === "" ? "/" : `/${clean}/`;
}

/** `varve stat`. */
export const stat: Verb = {
  usage: "stat <ref:/path>",
  withoutStore: "refuses",
  summary: "show everything that is known about one path",
  onlyReads: true,
  help: `For a symbolic link, the link itself is shown, not its target.

JSON: {"path","type","mode","uid","gid","mtime","size","digest","layer","extents","target","major",
"minor","linkGroup","xattrs"}. Properties that do not apply are left out. xattr values are hexadecimal.`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [argument = ""], options) {
    const { path, node } = await openPath(context, argument, false, options);
    const json = nodeToJson(`/${path.replace(/^\/+/, "")}` as ByteString, node);
    const text = Object.entries(json).map(([key, value]) =>
      `${key.padEnd(10)} ${typeof value === "object" ? JSON.stringify(value) : value}\n`
    ).join("");
    return { json, text };
  },
};

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
    const { tree: open, path, node } = await openPath(context, argument, true, options);
    if (node.type !== "directory") {
      throw new VarveError("E_USAGE", `Cannot print ${argument} as a tree: it is not a directory`);
    }
    const tree = await open();
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
