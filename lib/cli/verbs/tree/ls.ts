import { type ByteString, compareBytes, escapeForTerminal, secondsOf } from "../../../bytes/mod.ts";
import { parentPath } from "../../../tree/internal.ts";
import type { NamedNode, Node, Resolved } from "../../../tree/mod.ts";
import { listing } from "../../display/listing.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import type { Long } from "../../files/long_listing.ts";
import { sizeOf } from "../../files/usage.ts";
import { nodeToJson } from "../../nodes.ts";
import {
  type FilesView,
  lastName,
  openPath,
  slashed,
  type Target,
  treeView,
  trimmed,
} from "../../files/open_files.ts";
import type { Options, Verb } from "../../verb.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve ls`. */
export const ls: Verb = {
  usage: "ls <ref[:/path]>",
  withoutStore: "refuses",
  summary: "list a directory of an image, without mounting it",
  onlyReads: true,
  help:
    `REF may also be the key of a snapshot, which is read as it is now, or a layer by its digest or the beginning of one.

Names that begin with a dot are always listed. In names, a byte that is not printable UTF-8 is shown as \\xNN,
and can be given in the same form. Times are in UTC. With -l, a symbolic link is listed itself, unless a slash follows it.

JSON: [{"path","type","mode","uid","gid","mtime",…}], each as in stat; with -l also "links", "user" and "group"

Examples:
  varve ls debian:/etc
  varve ls -lhS debian:/usr/bin`,
  configure(command) {
    command
      .helpOption("--help", "display help for command")
      .option(
        "-l, --long",
        "link counts, names of users and groups in the image, and the zone of times",
      )
      .option("-a, --all", "also list . and ..")
      .option("-d, --directory", "list a directory itself, not its entries")
      .option("-R, --recursive", "list everything below, directory by directory")
      .option("-h, --human-readable", "sizes in powers of 1024, such as 1.5K")
      .option("-S, --by-size", "largest first")
      .option("-t, --by-time", "newest first")
      .option("-r, --reverse", "in reverse order")
      .option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [argument = ""], options) {
    const isLong = options["long"] === true;
    const what = isLong ? "contents" : "tree";
    await using target = await openPath(context, argument, !isLong, options, what);
    const { files } = target;
    const recursive = options["recursive"] === true;
    // The view of an image merges its layers again for each directory.
    const view = recursive ? treeView(await files.tree()) : files.view;
    const groups = () => groupsOf(target, view, options);
    let long: Long | undefined;
    if (isLong) {
      const { longOf } = await import("../../files/long_listing.ts");
      long = await longOf(files, view, entriesOf(groups()));
    }
    function* json(): Generator<unknown> {
      for (const { directory, entries } of groups()) {
        for (const entry of entries) {
          const path = entry.name === "." ? directory : slashed(directory) + entry.name;
          const json = nodeToJson(`/${trimmed(path as ByteString)}` as ByteString, entry.node);
          yield { ...json, ...long?.json(directory, entry) };
        }
      }
    }
    function* text(): Generator<string> {
      let gap = "";
      for (const { directory, entries } of groups()) {
        if (recursive) {
          yield `${gap}${escapeForTerminal(`/${trimmed(directory)}` as ByteString)}:\n`;
        }
        gap = "\n";
        yield* listing(entries, {
          human: options["humanReadable"] === true,
          long: long?.columns(directory),
        });
      }
    }
    return { json: json(), text: text() };
  },
};

/** Entries of one directory, in the order in which they are listed. */
interface Group {
  readonly directory: ByteString;
  readonly entries: readonly NamedNode[];
}

function* groupsOf(
  { path, node }: Target,
  view: FilesView,
  options: Options,
): Generator<Group> {
  if (node.type !== "directory" || options["directory"] === true) {
    const name = path === "" ? "." as ByteString : lastName(path);
    yield { directory: parentPath(trimmed(path)), entries: [{ name, node }] };
    return;
  }
  const compare = orderOf(options);
  const left = [path];
  for (let directory = left.pop(); directory !== undefined; directory = left.pop()) {
    const entries = [...view.list(directory)].sort(compare);
    const dots = options["all"] === true ? dotsOf(view, directory) : [];
    yield { directory, entries: [...dots, ...entries].sort(compare) };
    if (options["recursive"] !== true) return;
    const base = slashed(directory);
    for (const { name, node } of entries.reverse()) {
      if (node.type === "directory") left.push(base + name as ByteString);
    }
  }
}

/** The entries `.` and `..` of a directory. The root is its own parent. */
function dotsOf(view: FilesView, directory: ByteString): NamedNode[] {
  const places = [[".", directory], ["..", parentPath(trimmed(directory))]] as const;
  return places.map(([name, path]) => {
    const { node } = view.resolve(path, { followLast: false }) as Resolved;
    return { name: name as ByteString, node };
  });
}

type Order = (a: NamedNode, b: NamedNode) => number;

function orderOf(options: Options): Order {
  const main: Order = options["bySize"] === true
    ? (a, b) => sizeOf(b.node) - sizeOf(a.node)
    : options["byTime"] === true
    ? (a, b) => compareTimes(b.node, a.node)
    : () => 0;
  const order: Order = (a, b) => main(a, b) || compareBytes(a.name, b.name);
  return options["reverse"] === true ? (a, b) => order(b, a) : order;
}

function compareTimes(a: Node, b: Node): number {
  if (a.type === "whiteout" || b.type === "whiteout") {
    return Number(b.type === "whiteout") - Number(a.type === "whiteout");
  }
  const [first, second] = [secondsOf(a.mtime), secondsOf(b.mtime)];
  return first === second ? a.mtime.ns - b.mtime.ns : first < second ? -1 : 1;
}

function* entriesOf(groups: Iterable<Group>): Generator<NamedNode> {
  for (const { entries } of groups) yield* entries;
}
