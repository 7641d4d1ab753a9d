import { type ByteString, escapeForTerminal, escapeText } from "../../bytes/mod.ts";
import { sha256Bytes } from "../../digest/mod.ts";
import { CHANGE_KINDS, type ExploreReport, type Sum, WASTE_CAUSES } from "../contract.ts";
import { pageProgram } from "../page/program.ts";
import { PAGE_STYLE } from "../page/style.ts";
import type { PageImage } from "../page/data.ts";
import { pageNodes } from "./page_nodes.ts";
import { type PathColumns, readColumns } from "../path_columns.ts";

/** An image for a page. */
export interface HtmlImage {
  /** Its name. */
  readonly name: string;
  /** Its platform and ID, as one line. */
  readonly about: string;
  readonly report: ExploreReport;
  /** Its paths, where they are packed already. */
  readonly columns?: PathColumns | undefined;
  /** What it takes in the store; `null` where it is in none. */
  readonly store: PageImage["store"];
}

/** One path that differs between two images. */
export interface HtmlChange {
  readonly kind: "add" | "modify" | "delete";
  readonly path: ByteString;
  /** Sizes in bytes; 0 where the path is not. */
  readonly before: number;
  readonly after: number;
}

/** Options of {@linkcode htmlPage}. */
export interface HtmlOptions {
  /** Most paths of an image; the others are folded into their directories. Default: 300,000. */
  readonly most?: number | undefined;
  /** Whether a server answers for files beside the page: `text`, `hex` and `file`. Default: false. */
  readonly live?: boolean | undefined;
}

/** Most paths of an image in a page. */
const MOST_PATHS = 300_000;
/** Most differences in a page. */
const MOST_CHANGES = 20_000;
/** Most paths of files with equal content in a page. */
const MOST_EQUAL = 20;

/**
 * One HTML file that shows an image, or two and what differs, without a network. In parts.
 *
 * All that comes from images is data: JSON in which no `<` is, and the program only ever makes text of it. A policy in
 * the page forbids everything but its own program and style, by their hashes.
 */
export function* htmlPage(
  images: readonly HtmlImage[],
  changes: Iterable<HtmlChange> | null,
  { most = MOST_PATHS, live = false }: HtmlOptions = {},
): Generator<string> {
  const program = pageProgram();
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(program)}'`,
    `style-src '${hashOf(PAGE_STYLE)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ];
  yield `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy.join("; ")}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Image explorer</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1 id="name"></h1>
<p id="about"></p>
<nav id="views" aria-label="Views"></nav>
<div id="choices"></div>
<p><label for="find">Search</label><input id="find" type="search" autocomplete="off"></p>
</header>
<main>
<h2 id="title" tabindex="-1"></h2>
<div id="content"></div>
</main>
<footer><p>Keys: 1 to 6 views, / search, arrows move in the map, Enter opens, Escape goes up.</p></footer>
<script type="application/json" id="data">`;
  yield `{"live":${live},"kinds":${json(CHANGE_KINDS)},"causes":${json(WASTE_CAUSES)},"images":[`;
  for (const [i, image] of images.entries()) {
    if (i > 0) yield ",";
    yield* imageJson(image, most);
  }
  yield `],"diff":`;
  yield* changes === null ? ["null"] : diffJson(changes);
  yield `}</script>\n<script>${program}</script>\n</body>\n</html>\n`;
}

function* imageJson(
  { name, about, report, store, columns = readColumns(report.paths) }: HtmlImage,
  most: number,
): Generator<string> {
  const { depths, names, types, changes, folded } = pageNodes(columns, most);
  const { dive } = report;
  const head: Omit<PageImage, "depths" | "names" | "types" | "changes"> = {
    name: escapeText(name),
    about: escapeText(about),
    layers: report.layers.map(({ diffId, history, bytes, changes }) => ({
      id: diffId === null ? "changes" : diffId.slice(diffId.indexOf(":") + 1).slice(0, 12),
      created: escapeText(history?.created ?? "").slice(0, 30),
      command: escapeText(history?.createdBy ?? ""),
      bytes,
      changes: CHANGE_KINDS.map((kind) => pair(changes[kind])),
    })),
    layerBytes: report.layerBytes,
    image: pair(report.image),
    store,
    waste: WASTE_CAUSES.map((cause) => pair(report.waste[cause])),
    wasted: report.wastedFiles.map(({ path, cause, layer, by, bytes }) =>
      [shown(path), WASTE_CAUSES.indexOf(cause), layer, by, bytes] as const
    ),
    duplicates: pair(report.duplicates),
    duplicateFiles: report.duplicateFiles.map(({ size, paths }) =>
      [size, paths.length, paths.slice(0, MOST_EQUAL).map(shown)] as const
    ),
    efficiency: report.efficiency,
    dive: {
      score: dive.score,
      wasted: dive.wastedBytes,
      paths: dive.inefficient.map(({ path, count, bytes }) => [shown(path), count, bytes] as const),
    },
    folded: [folded.directories, folded.paths],
  };
  yield `${json(head).slice(0, -1)},"types":${json(types)},"depths":[`;
  yield* joined(depths);
  yield `],"names":[`;
  yield* joined(names);
  yield `],"changes":[`;
  yield* joined(changes);
  yield "]}";
}

function* diffJson(changes: Iterable<HtmlChange>): Generator<string> {
  const letters = { add: "A", modify: "M", delete: "D" } as const;
  const entries: unknown[] = [];
  let more = 0;
  for (const { kind, path, before, after } of changes) {
    if (entries.length === MOST_CHANGES) more++;
    else entries.push([letters[kind], shown(path), before, after]);
  }
  yield json({ entries, more });
}

/** Many JSON values with commas between them, in parts. */
function* joined(values: readonly (number | string)[]): Generator<string> {
  const step = 5000;
  for (let at = 0; at < values.length; at += step) {
    yield (at > 0 ? "," : "") + inScript(values.slice(at, at + step).join(","));
  }
}

function json(value: unknown): string {
  return inScript(JSON.stringify(value));
}

/** JSON as text of a script element: nothing in it can end the element, or begin a comment. */
function inScript(text: string): string {
  return text.replaceAll("<", "\\u003c");
}

function pair({ count, bytes }: Sum): readonly [number, number] {
  return [count, bytes];
}

function shown(path: ByteString): string {
  return escapeForTerminal(`/${path}` as ByteString);
}

/** The source of a policy that names a text by its hash. */
function hashOf(text: string): string {
  const digest = sha256Bytes(new TextEncoder().encode(text));
  return `sha256-${btoa(String.fromCharCode(...digest))}`;
}
