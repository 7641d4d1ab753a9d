import { EXIT_CODES, VarveError } from "../../../errors.ts";
import {
  allPassed,
  ColumnsBuilder,
  exploreLayers,
  judge,
  REPORT_VERSION,
  reportJson,
} from "../../../explore/mod.ts";
import { inTurns } from "../../../pool/internal.ts";
import type { Context } from "../../context.ts";
import { type Files, openFiles } from "../../files/open_files.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { commandLine } from "../../mistakes/shell_words.ts";
import { type Options, STREAMED, stringOption, type Verb } from "../../verb.ts";
import { openExplored } from "./explored.ts";
import { type ExploredReport, htmlParts, writeHtml } from "./html_file.ts";
import { reportText, verdictsText } from "./explore_text.ts";
import { readRules, verdictsJson } from "./ci_rules.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve explore`. */
export const explore: Verb = {
  usage: "explore <ref|key> [other]",
  withoutStore: "refuses",
  summary: "show what each layer of an image does, and what is wasted",
  // A server ends with 0 when it is told to, and a file appears whole or not at all.
  onlyReads: (options) => options["port"] === undefined && options["output"] === undefined,
  help:
    `Nothing is mounted. A key is explored with its changes; a key and an image of the same name: the key.

Bytes are sizes as 'ls -l' shows them, hard links of a layer once. CONTENT and ATTRIBUTES are paths that a layer
changes: their content, or only mode, owner, time and xattrs. SAME are paths that it has again. Waste are files of
layers that the image does not show: a layer above deleted them, put other content there (overwritten), or has the same
content again (copied). Efficiency is 1 - waste / bytes of all layers. The score that dive computes is shown beside it.
Duplicates are files of the image with equal content; they are no waste.

On a terminal, without --format, the image is shown with the keys of dive: Tab goes from the layers to the tree and
back, arrows and PgUp and PgDn move, q and Ctrl-C quit. In the layers, Ctrl-L shows what a layer changes, Ctrl-A what
all layers above the lowest change. In the tree, Space folds a directory and Ctrl-Space all, Ctrl-A, Ctrl-R, Ctrl-M and
Ctrl-U show or hide what is added, removed, modified and unmodified, Ctrl-B shows attributes, and Ctrl-E extracts a file
into the current directory. Ctrl-F filters paths by a regular expression. Rows begin with A for added, M for modified, D for
removed. --format text prints the text that a pipe gets.

-o writes one HTML file: layers, tree, map of bytes, waste and search, all by keyboard, in light and dark. It needs no
network, and nothing in it that comes from an image can run. With OTHER it shows two images and what differs from the
first to the second. Of a very large image, small directories are shown without their entries, and the page says so.

--port serves the same page on 127.0.0.1 until it is interrupted, and prints its address: whoever knows it can read
the image. It also shows files, as text or as bytes, never as anything else, and gives them to download. With OTHER it
shows two images, as -o does.

--ci judges the image by rules, and ends with exit code 13 when one fails. FILE is that of dive: YAML, by default
.dive-ci of this directory, where it is there. Rules and their defaults:
  lowestEfficiency          0.9       least score of dive
  highestWastedBytes        disabled  most wasted bytes of dive, such as 20MB
  highestUserWastedPercent  0.1       most of them by the bytes of all layers but the lowest, 0 to 1
  maxBytes                  disabled  most bytes of the files of all layers
  maxLayers                 disabled  most layers
  setuid                    disabled  deny, or a list of globs that may be setuid or setgid
  worldWritable             disabled  deny, or a list of globs that everybody may write to
  forbidden                 disabled  a list of globs that no layer may have, not even if it is deleted above
A glob with a slash is compared with the whole path, any other one with the name.

JSON: {"version":1,"imageId","platform","created","source":{"kind","name","manifest","blobs"},
"store":{"size","shared","unique"},"layers":[{"diffId","created","createdBy","comment","entries","bytes",
"changes":{KIND:{"count","bytes"}}}],"layerBytes","image":{"count","bytes"},"efficiency",
"waste":{CAUSE:{"count","bytes"}},"wastedFiles":[{"path","layer","by","cause","bytes"}],"duplicates":{"count","bytes"},
"duplicateFiles":[{"digest","size","paths"}],"dive":{"score","wastedBytes","userBytes","wastedUserPercent",
"inefficientCount","inefficient":[{"path","count","bytes"}]},"paths":[{"path","winner",
"changes":[{"layer","kind","type","bytes"}]}]}. KIND is added, content, attributes, same or deleted, CAUSE is deleted,
overwritten or copied, layers are counted from 0. Lists of files have at most 100. "store" is as in 'varve df -v'.
With -o: {"path","bytes"}. With --port: one line {"url"} once the page is served. With --ci: in place of "paths",
"rules":[{"rule","status":"passed|failed|disabled","limit","actual","paths"}].

Examples:
  varve explore app:1
  varve explore app:1 --ci
  varve explore app:1 app:2 -o app.html`,
  configure(command) {
    command
      .option(
        "-o, --output <file>",
        "write one HTML file that shows the image, offline, in any browser",
      )
      .option("--port <n>", "serve the page on 127.0.0.1, with the files; 0 is any free port")
      .option("--ci [file]", "judge the image by rules; exit code 13 when one fails")
      .option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [argument = "", other], options) {
    // Whatever the command line has wrong is said before an image is read.
    const { file, port, ci } = askedOf(argument, other, options);
    const rules = ci === undefined ? undefined : await readRules(ci);
    const isPage = port !== undefined || file !== undefined;
    const reportOf = async (name: string): Promise<ExploredReport> => {
      const explored = await openExplored(context, name, options);
      // A page has all paths: they are packed while the report is made, so that the trees are read once.
      const columns = isPage ? new ColumnsBuilder() : undefined;
      const steps = exploreLayers(explored.layers, (path) => columns?.add(path));
      const report = await inTurns(steps, context.signal);
      return { argument: name, explored, report, columns: columns?.finish() };
    };
    const first = await reportOf(argument);
    const images = isPage && other !== undefined ? [first, await reportOf(other)] : [first];
    if (port !== undefined) return await serveExplored(context, images, port, options);
    if (file !== undefined) {
      const bytes = await writeHtml(context, file, images);
      return { json: { path: file, bytes }, text: `${file}\n` };
    }
    const { explored, report } = first;
    if (ci === undefined && context.hasScreen) {
      return await showExplored(context, first, options);
    }
    const { facts, source, usage } = explored;
    const json = { version: REPORT_VERSION, ...facts, source, store: usage, ...reportJson(report) };
    const text = reportText(explored, report, context.columns);
    if (rules === undefined) return { json, text };
    const verdicts = judge(report, rules);
    return {
      json: { ...json, paths: undefined, rules: verdictsJson(verdicts) },
      text: text + verdictsText(verdicts, context.columns),
      exit: allPassed(verdicts) ? 0 : EXIT_CODES.E_RULE,
    };
  },
};

/** What the options ask for besides a report. */
interface Asked {
  /** Path of the HTML file to write. */
  readonly file: string | undefined;
  /** Port of the page to serve. */
  readonly port: number | undefined;
  /** The file of rules; `true` for the default one. */
  readonly ci: string | true | undefined;
}

/** Reads the options. @throws {VarveError} `E_USAGE` when they do not go together */
function askedOf(argument: string, other: string | undefined, options: Options): Asked {
  const file = stringOption(options, "output");
  const port = stringOption(options, "port");
  const ci = options["ci"] as Asked["ci"];
  if (other !== undefined && file === undefined && port === undefined) {
    throw new VarveError("E_USAGE", `Cannot explore ${other}, too: only a page shows two images`, {
      hint: commandLine(["varve", "explore", argument, other, "-o", "FILE.html"]),
    });
  }
  if (port !== undefined && (ci !== undefined || file !== undefined)) {
    throw new VarveError("E_USAGE", "Cannot use --port with --ci or -o: give one of them");
  }
  if (file !== undefined && ci !== undefined) {
    throw new VarveError("E_USAGE", "Cannot use --ci with -o: give one of them");
  }
  return { file, port: port === undefined ? undefined : parsePort(port), ci };
}

/** Serves the page of one image or two until the command is interrupted. */
async function serveExplored(
  context: Context,
  images: readonly ExploredReport[],
  port: number,
  options: Options,
): Promise<typeof STREAMED> {
  const { serveLive } = await import("./live_page.ts");
  await using stack = new AsyncDisposableStack();
  const files: Files[] = [];
  for (const { argument } of images) {
    files.push(stack.use(await openFiles(context, argument, options)));
  }
  const page = await htmlParts(context, images, true);
  context.endProgress();
  const live = serveLive({ port, files, page, signal: context.signal });
  const json = { url: live.url };
  const line = context.options.format === "json" ? JSON.stringify(json) : live.url;
  await context.io.stdout(context.template?.line(json) ?? `${line}\n`);
  await live.finished;
  return STREAMED;
}

/** Shows an image on the terminal until the user quits. */
async function showExplored(
  context: Context,
  { argument, explored, report }: ExploredReport,
  options: Options,
): Promise<typeof STREAMED> {
  const [{ showView }, { viewModel }, { FileExtractor }] = await Promise.all([
    import("./terminal/show_view.ts"),
    import("./terminal/model.ts"),
    import("./terminal/file_extractor.ts"),
  ]);
  const model = viewModel(explored, report);
  await using extractor = new FileExtractor(() => openFiles(context, argument, options), argument);
  context.endProgress();
  await showView(context, model, extractor);
  return STREAMED;
}

/** Parses the value of `--port`. @throws {VarveError} `E_USAGE` when it is none */
function parsePort(text: string): number {
  if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new VarveError("E_USAGE", `Cannot listen on port ${JSON.stringify(text)}: give 0 to 65535`);
}
