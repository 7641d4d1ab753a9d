import { type ByteString, escapeForTerminal } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { humanSize } from "../../display/human_size.ts";
import { shortDigest } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import { layerFinder } from "../../files/layer_of.ts";
import { openPath, type Target } from "../../files/open_files.ts";
import { type Usage, usage } from "../../files/usage.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { type Options, type Report, stringOption, type Verb } from "../../verb.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve du`. */
export const du: Verb = {
  usage: "du <ref[:/path]>",
  withoutStore: "refuses",
  summary: "show how large the directories of an image are",
  onlyReads: true,
  help:
    `Sizes are in bytes, those that 'du --apparent-size' counts: contents of files and targets of symbolic links. A file
with several names (hard links) counts once, at the first of them, and is listed once. 'varve df' shows what the store
takes on the disk.

--by-layer shows how much of the path comes from each layer, the lowest layer first.

JSON: [{"path","bytes"}]; with --by-layer: [{"layer","bytes","entries"}]

Examples:
  varve du -h -d 1 debian:/usr
  varve du --by-layer app:1`,
  configure(command) {
    command
      .helpOption("--help", "display help for command")
      .option("-d, --max-depth <n>", "show only directories at most n levels below the path")
      .option("-s, --summarize", "show only the path itself")
      .option("-a, --all", "show files, too")
      .option("-h, --human-readable", "sizes in powers of 1024, such as 1.5K")
      .option("--by-layer", "show the bytes of each layer")
      .option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [argument = ""], options) {
    await using target = await openPath(context, argument, false, options);
    const format = options["humanReadable"] === true ? humanSize : String;
    if (options["byLayer"] === true) return await byLayer(target, format, context.columns);
    const tree = await target.files.tree();
    const most = depthOf(options);
    const all = options["all"] === true;
    function* rows(): Generator<Usage> {
      for (const row of usage(tree, target)) {
        const isShown = all || row.node.type === "directory" || row.depth === 0;
        if (isShown && row.depth <= most) yield row;
      }
    }
    function* json(): Generator<unknown> {
      for (const { path, bytes } of rows()) yield { path: shown(path), bytes };
    }
    function* text(): Generator<string> {
      for (const { path, bytes } of rows()) yield `${format(bytes)}\t${shown(path)}\n`;
    }
    return { json: json(), text: text() };
  },
};

function shown(path: ByteString): string {
  return escapeForTerminal(`/${path}` as ByteString);
}

function depthOf(options: Options): number {
  const value = stringOption(options, "maxDepth");
  if (options["summarize"] === true) {
    if (value === undefined) return 0;
    throw new VarveError("E_USAGE", "Cannot use -s and -d together: -s is -d 0");
  }
  if (value === undefined) return Infinity;
  if (/^[0-9]{1,5}$/.test(value)) return Number(value);
  throw new VarveError("E_USAGE", `Cannot use ${JSON.stringify(value)} for -d: give a number`);
}

async function byLayer(
  target: Target,
  format: (bytes: number) => string,
  columns: number | undefined,
): Promise<Report> {
  const layers = await target.files.layers();
  const layerOf = layerFinder(layers);
  const sums = new Map(layers.map(({ diffId }) => [diffId, { bytes: 0, entries: 0 }]));
  for (const { path, node, bytes } of usage(await target.files.tree(), target)) {
    // The bytes of a file are where its content is, which may be below the layer of a hard link to it.
    const source = node.type === "file" ? node.locator?.source : undefined;
    const layer = source ?? layerOf(path);
    // No layer has an entry for an implied directory.
    const sum = layer === undefined ? undefined : sums.get(layer);
    if (sum === undefined) continue;
    sum.entries++;
    if (node.type !== "directory") sum.bytes += bytes;
  }
  const rows = [...sums].map(([layer, sum]) => ({ layer, ...sum }));
  return {
    json: rows,
    text: table(
      ["LAYER", "SIZE", "ENTRIES"],
      rows.map(({ layer, bytes, entries }) => [shortDigest(layer), format(bytes), entries]),
      columns,
    ),
  };
}
