import { type ByteString, escapeForTerminal, toBytes } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { list, walk } from "../../../tree/mod.ts";
import { writeForeign } from "../../display/output.ts";
import {
  type Candidate,
  type Condition,
  hasDigest,
  hasMode,
  hasSize,
  hasType,
  hasXattr,
  isNewerThan,
  isOwnedBy,
  matches,
  parseTime,
} from "../../files/conditions.ts";
import { readIdNames } from "../../files/id_names.ts";
import { layerFinder } from "../../files/layer_of.ts";
import { type Files, findPath, lastName, openPath, type Target } from "../../files/open_files.ts";
import { argumentBytes, PLATFORM_OPTION } from "../../images.ts";
import { nodeToJson } from "../../nodes.ts";
import {
  collect,
  listOption,
  type Options,
  STREAMED,
  stringOption,
  type Verb,
} from "../../verb.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** The conditions, in the order of `--help`. */
const CONDITIONS: readonly (readonly [flags: string, description: string])[] = [
  ["--name <pattern>", "the name matches, such as '*.conf'"],
  ["--iname <pattern>", "the name matches, in lower or upper case"],
  ["--path <pattern>", "the whole path matches; * also matches a slash"],
  [
    "--type <letters>",
    "f file, d directory, l symbolic link, c, b device, p FIFO, w whiteout; several with commas",
  ],
  [
    "--size <size>",
    "N, +N (more) or -N (less) with c (bytes), k, M, G or b (512 bytes), rounded up",
  ],
  [
    "--perm <mode>",
    "MODE exactly, -MODE all of its bits, /MODE any of them; octal, or symbolic such as u=s",
  ],
  ["--user <user>", "owned by a user of the image, or a number"],
  ["--group <group>", "owned by a group of the image, or a number"],
  [
    "--newer <time>",
    "modified after a /PATH of the image, or after a time in RFC 3339 or as @SECONDS",
  ],
  ["--layer <layer>", "the layer that the entry comes from, by the beginning of its diffID"],
  ["--digest <digest>", "SHA-256 of the content, or the beginning of it"],
  ["--xattr <name>", "has an extended attribute, by a pattern for its name, or NAME=VALUE"],
];

/** `varve find`. */
export const find: Verb = {
  usage: "find <ref[:/path]>",
  withoutStore: "refuses",
  summary: "find files of an image by name, type, size, owner, layer and more",
  onlyReads: true,
  longWithOneDash: true,
  help:
    `All conditions must hold. They are those of find(1), with one dash or two. Paths are sorted by the bytes of their
names, each directory before what is in it. In paths, a byte that is not printable UTF-8 is shown as \\xNN; with -0,
paths are written as they are, with a NUL byte after each.

JSON: [{"path","type","mode",…}], each as in stat

Examples:
  varve find debian -perm -4000 -type f
  varve find debian:/usr -name '*.so*' -size +1M
  varve find app:1 -newer /etc/os-release --layer 0123456789ab`,
  configure(command) {
    for (const [flags, description] of CONDITIONS) command.option(flags, description, collect);
    command
      .option("--empty", "an empty file or directory")
      .option("--mindepth <n>", "at least n levels below the path")
      .option("--maxdepth <n>", "at most n levels below the path")
      .option("-0, --print0", "a NUL byte after each path, in place of a new line")
      .option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [argument = ""], options) {
    await using target = await openPath(context, argument, false, options);
    const conditions = await conditionsOf(target, options);
    const entries = await entriesOf(target, options);
    function* found(): Generator<Candidate> {
      for (const entry of entries()) if (conditions.every((holds) => holds(entry))) yield entry;
    }
    if (options["print0"] === true && context.options.format === "text") {
      await writeForeign(context.io, nulPaths(found()));
      return STREAMED;
    }
    function* json(): Generator<unknown> {
      for (const { path, node } of found()) yield nodeToJson(path, node);
    }
    function* text(): Generator<string> {
      for (const { path } of found()) yield `${escapeForTerminal(path)}\n`;
    }
    return { json: json(), text: text() };
  },
};

/** Paths in a batch of `-0`, so that a write is not for one path only. */
const BATCH = 1000;

function* nulPaths(entries: Iterable<Candidate>): Generator<Uint8Array> {
  let batch: string[] = [];
  for (const { path } of entries) {
    if (batch.push(`${path}\0`) < BATCH) continue;
    yield toBytes(batch.join("") as ByteString);
    batch = [];
  }
  yield toBytes(batch.join("") as ByteString);
}

/** The path itself and everything below it, within the depths that are asked for. */
async function entriesOf(
  { files, path, node }: Target,
  options: Options,
): Promise<() => Generator<Candidate>> {
  const [least, most] = [
    depthOf(options, "mindepth") ?? 0,
    depthOf(options, "maxdepth") ?? Infinity,
  ];
  const tree = await files.tree();
  const above = path === "" ? 0 : path.split("/").length;
  return function* () {
    const name = path === "" ? "/" as ByteString : lastName(path);
    if (least === 0) yield { path: `/${path}` as ByteString, name, node };
    if (node.type !== "directory" || most === 0) return;
    for (const entry of walk(tree, { from: path })) {
      const depth = entry.depth - above;
      if (depth < least || depth > most) continue;
      yield { path: `/${entry.path}` as ByteString, name: entry.name, node: entry.node };
    }
  };
}

function depthOf(options: Options, name: string): number | undefined {
  const value = stringOption(options, name);
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,5}$/.test(value)) {
    throw new VarveError(
      "E_USAGE",
      `Cannot use ${JSON.stringify(value)} for --${name}: give a number`,
    );
  }
  return Number(value);
}

async function conditionsOf({ files }: Target, options: Options): Promise<Condition[]> {
  const conditions: Condition[] = [];
  const add = (name: string, make: (value: string) => Condition) => {
    for (const value of listOption(options, name)) conditions.push(make(value));
  };
  add("name", (value) => matches("name", value));
  add("iname", (value) => matches("name", value, true));
  add("path", (value) => matches("path", value));
  add("type", hasType);
  add("size", hasSize);
  add("perm", hasMode);
  add("digest", hasDigest);
  add("xattr", hasXattr);
  add("newer", (value) => newer(files, value));
  if (listOption(options, "user").length + listOption(options, "group").length > 0) {
    const { users, groups } = await readIdNames(files);
    add("user", (value) => isOwnedBy("user", value, users));
    add("group", (value) => isOwnedBy("group", value, groups));
  }
  if (options["empty"] === true) conditions.push(await emptiness(files));
  for (const layer of listOption(options, "layer")) conditions.push(await comesFrom(files, layer));
  return conditions;
}

function newer({ view, name }: Files, value: string): Condition {
  if (!value.startsWith("/")) {
    const time = parseTime(value);
    if (time !== undefined) return isNewerThan(time);
    throw new VarveError(
      "E_USAGE",
      `Cannot use ${
        JSON.stringify(value)
      } for --newer: give a /PATH of the image or a time such as 2024-12-31`,
    );
  }
  const node = findPath(view, argumentBytes(value), false)?.node;
  if (node === undefined || node.type === "whiteout") {
    throw new VarveError("E_NOT_FOUND", `Cannot find ${value} in ${name}: there is no such path`, {
      subject: value,
    });
  }
  return isNewerThan(node.mtime);
}

async function emptiness(files: Files): Promise<Condition> {
  const tree = await files.tree();
  return ({ path, node }) => {
    if (node.type === "file") return node.size === 0;
    if (node.type !== "directory") return false;
    for (const _ of list(tree, path)) return false;
    return true;
  };
}

/** The condition of `--layer`: the topmost layer with an entry for the path is this one. */
async function comesFrom(files: Files, wanted: string): Promise<Condition> {
  const layers = await files.layers();
  const [, prefix = ""] = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(wanted) ?? [];
  const found = layers.flatMap(({ diffId }, i) =>
    prefix !== "" && diffId.startsWith(`sha256:${prefix}`) ? [i] : []
  );
  const at = found.at(-1);
  if (at === undefined) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot find layer ${wanted} in ${files.name}: it has no such layer`,
      {
        subject: wanted,
      },
    );
  }
  if (new Set(found.map((i) => layers[i]?.diffId)).size > 1) {
    throw new VarveError("E_USAGE", `Cannot find layer ${wanted}: several layers begin with that`);
  }
  const diffId = layers[at]?.diffId;
  const layerOf = layerFinder(layers);
  return ({ path }) => layerOf(path) === diffId;
}
