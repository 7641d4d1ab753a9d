import { type ByteString, escapeForTerminal, fromText } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { changes } from "../../layer/mod.ts";
import { list, type NamedNode, type Node, resolve, type Tree, walk } from "../../tree/mod.ts";
import type { Context } from "../context.ts";
import { openImage, rootTree, splitReferencePath } from "../images.ts";
import { formatMode, formatName, formatSize, formatTime, nodeToJson } from "../nodes.ts";
import { text, type Verb } from "../verb.ts";

/** A path of an image. */
export interface Target {
  readonly tree: Tree;
  readonly path: ByteString;
  readonly node: Node;
}

/** What `REF:/PATH` means, symbolic links on the way followed inside the image. */
export async function openPath(
  context: Context,
  argument: string,
  followLast: boolean,
): Promise<Target> {
  const { reference, path } = splitReferencePath(argument);
  const store = await context.store();
  const tree = await rootTree(store, await openImage(store, reference));
  const found = find(tree, path, followLast);
  if (found === undefined) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot find ${escapeForTerminal(path)} in ${reference}: there is no such path`,
      { subject: escapeForTerminal(path) },
    );
  }
  return { tree, ...found };
}

/** A path that goes on behind a file is not there, as a user sees it. */
function find(tree: Tree, path: ByteString, followLast: boolean): Omit<Target, "tree"> | undefined {
  try {
    return resolve(tree, path, { followLast });
  } catch (error) {
    if (error instanceof VarveError && error.code === "E_NOT_DIR") return undefined;
    throw error;
  }
}

/** `varve ls`. */
export const ls: Verb = {
  usage: "ls <ref[:/path]>",
  summary: "list a directory of an image, without mounting it",
  help:
    `Names that are no printable UTF-8 are shown with \\xNN for their bytes, and can be given so.

JSON: [{"path","type","mode","uid","gid","mtime",…}] as in stat

Example:
  varve ls debian:/etc`,
  async run(context, [argument = ""]) {
    const { tree, path, node } = await openPath(context, argument, true);
    const entries: NamedNode[] = node.type === "directory"
      ? [...list(tree, path)]
      : [{ name: path, node }];
    const base = node.type === "directory" ? withSlash(path) : "";
    return {
      json: entries.map((entry) => nodeToJson(base + entry.name as ByteString, entry.node)),
      text: lines(entries),
    };
  },
};

function lines(entries: readonly NamedNode[]): string {
  const cells = entries.map(({ name, node }) => ({
    mode: formatMode(node),
    owner: node.type === "whiteout" ? "" : `${node.uid}:${node.gid}`,
    size: formatSize(node),
    time: node.type === "whiteout" ? "" : formatTime(node.mtime).slice(0, 19),
    name: formatName(name, node),
  }));
  const owner = Math.max(0, ...cells.map((cell) => cell.owner.length));
  const size = Math.max(0, ...cells.map((cell) => cell.size.length));
  return cells.map((cell) =>
    `${cell.mode} ${cell.owner.padEnd(owner)} ${
      cell.size.padStart(size)
    } ${cell.time} ${cell.name}\n`
  ).join("");
}

function withSlash(path: ByteString): string {
  const clean = path.replace(/^\/+|\/+$/g, "");
  return clean === "" ? "/" : `/${clean}/`;
}

/** `varve stat`. */
export const stat: Verb = {
  usage: "stat <ref:/path>",
  summary: "show everything that is known of one path",
  help: `The path itself is shown, also when it is a symbolic link.

JSON: {"path","type","mode","uid","gid","mtime","size","digest","layer","extents","target","major",
"minor","linkGroup","xattrs"}; those that do not apply are left out. xattr values are hexadecimal.`,
  async run(context, [argument = ""]) {
    const { path, node } = await openPath(context, argument, false);
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
  summary: "print the tree of an image",
  help: `JSON: {"digest","entries":[…as in stat]}, in the order of the text

Example:
  varve tree debian:/usr --depth 2`,
  configure(command) {
    command.option("--depth <n>", "levels to print, all without it");
  },
  async run(context, [argument = ""], options) {
    const depth = depthOf(text(options, "depth"));
    const { tree, path, node } = await openPath(context, argument, true);
    const base = withSlash(path);
    const json: unknown[] = [];
    let out = `${escapeForTerminal(fromText(base))}  ${tree.digest}\n`;
    if (node.type !== "directory") {
      throw new VarveError("E_USAGE", `Cannot print ${argument} as a tree: it is no directory`);
    }
    const above = base.split("/").length - 2;
    for (const entry of walk(tree, { from: path })) {
      const level = entry.depth - above;
      if (level > depth) continue;
      out += `${"  ".repeat(level)}${formatName(entry.name, entry.node)}${
        entry.node.type === "directory" ? "/" : ""
      }\n`;
      json.push(nodeToJson(`/${entry.path}` as ByteString, entry.node));
    }
    return { json: { digest: tree.digest, entries: json }, text: out };
  },
};

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

/** `varve diff`. */
export const diff: Verb = {
  usage: "diff <a> [b]",
  summary: "list the paths that differ between two images, or that an image's last layer changes",
  help:
    `A added, M modified, D deleted. With one image, its last layer is compared with those below it.

JSON: [{"kind":"add|modify|delete","path","before","after"}], before and after as in stat`,
  async run(context, [a = "", b]) {
    const [before, after] = await treesOf(context, a, b);
    const letters = { add: "A", modify: "M", delete: "D" } as const;
    const json: unknown[] = [];
    let out = "";
    for (const change of changes(before, after)) {
      const path = `/${change.path}` as ByteString;
      out += `${letters[change.kind]} ${escapeForTerminal(path)}\n`;
      json.push({
        kind: change.kind,
        path: escapeForTerminal(path),
        before: change.before === undefined ? null : nodeToJson(path, change.before),
        after: change.after === undefined ? null : nodeToJson(path, change.after),
      });
    }
    return { json, text: out };
  },
};

async function treesOf(context: Context, a: string, b: string | undefined): Promise<[Tree, Tree]> {
  const store = await context.store();
  const image = await openImage(store, a);
  if (b !== undefined) {
    return [await rootTree(store, image), await rootTree(store, await openImage(store, b))];
  }
  const below = { ...image, layers: image.layers.slice(0, -1) };
  return [await rootTree(store, below), await rootTree(store, image)];
}
