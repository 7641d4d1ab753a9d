import { EXIT_CODES, VarveError } from "../../../errors.ts";
import { escapeText } from "../../../bytes/mod.ts";
import {
  type CheckOptions,
  checkStore,
  type Finding,
  type Remedy,
  repairStore,
} from "../../../upkeep/mod.ts";
import type { Context } from "../../context.ts";
import { rebuildStore } from "../../../store/mod.ts";
import { inCommandWords } from "../../mistakes/command_words.ts";
import { isPlainHttp, PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";
import { loadSettings } from "../../settings.ts";
import { warnOfStaleMounts } from "../../display/stale_mounts.ts";
import { type Options, type Report, stringOption, type Verb } from "../../verb.ts";
import { repairSource } from "./repair_source.ts";
import { counted } from "../../display/counted.ts";

/**
 * The command that heals a finding. Only a deep repair finds again what a deep check has found.
 *
 * @param deep whether the check was deep
 */
function commandFor(remedy: Remedy, deep: boolean): string {
  const repair = `varve fsck ${deep ? "--deep " : ""}--repair`;
  switch (remedy) {
    case "repair":
      return repair;
    case "source":
      return `${repair} --from SOURCE`;
    case "rebuild":
      return "varve fsck --rebuild";
    case "user":
      return "look at it, then remove or restore it by hand";
  }
}

/** `varve fsck`. */
export const fsck: Verb = {
  usage: "fsck",
  summary: "check the store",
  withoutStore: "refuses",
  help:
    `Compares the rows of the database with the files, sizes, modes and markers of the store. Changes nothing. With --deep
it also reads every byte and compares its digest: blobs, layers, trees, composed images and extracted files.
What a process that died has left half done is not damage: it is cleared when the store is opened. Other processes may
use the store meanwhile.

--repair heals what it finds, from what the store holds: layers from their blobs, blobs and trees from the tars, rows and
markers from each other. What was derived from layers and is damaged is removed, and made again at the next use.
--from SOURCE brings bytes that the store has lost: an archive or a layout as in 'varve load', or an image of a registry as
in 'varve pull'. No name changes. Strays and the files of snapshots are never touched.

--rebuild makes the database again: from the markers of layers and snapshots, the documents and content/index.json. The
old one is kept as meta.db.damaged-N; settings and leases are taken from it where it can be read. No other process may
have the store open. Afterwards the store is checked.

Exit code 0: nothing is damaged, or all of it was healed. 3: something is damaged, one line each.

JSON: [{"kind","what","expected","actual","affects":[TEXT],"healedBy"}]; with --repair {"healed":[…],"left":[…]}; with
--rebuild {"rebuilt":{"kept","images","layers","snapshots","unknown":[PATH]},"left":[…]}

"kind" is one of database, row, dangling (a row that names something missing), blob, document (config, manifest,
index), layer (its tar), tree, composed (image of a chain), extracted (directory of a driver), snapshot, marker, index
(content/index.json), stray (not the store's, left alone) and mode. "affects" lists "image NAME", "container KEY",
"snapshot KEY" and "lease ID". "healedBy" is the command that heals it.

Examples:
  varve fsck
  varve fsck --deep --format json
  varve fsck --deep --repair --from app.tar`,
  configure(command) {
    command
      .option("--deep", "read every byte and compare its digest")
      .option("--repair", "heal what is found")
      .option("--rebuild", "make the database again from the files")
      .option("--from <source>", "archive, layout or image of a registry that brings lost bytes")
      .option(...PLAIN_HTTP_OPTION);
  },
  async run(context, _args, options) {
    const from = stringOption(options, "from");
    if (from !== undefined && options.repair !== true) {
      const what = options.rebuild === true ? "rebuild" : "check";
      throw new VarveError("E_USAGE", `Cannot ${what} with --from: it is for --repair`);
    }
    if (options.rebuild === true) return await rebuild(context, options);
    if (options.repair === true) return await repair(context, options, from);
    const deep = options.deep === true;
    return reportOf(await findingsIn(context, deep), deep);
  },
};

async function findingsIn(context: Context, deep: boolean): Promise<readonly Finding[]> {
  try {
    const store = await context.store();
    return await checkStore(store, { deep, ...await deepOptions(context, deep) });
  } catch (error) {
    return [databaseFinding(error)];
  }
}

async function rebuild(context: Context, options: Options): Promise<Report> {
  if (options.repair === true) {
    throw new VarveError("E_USAGE", "Cannot rebuild and repair at once: rebuild first");
  }
  const { root } = context.options;
  const { kept, images, layers, snapshots, unknown } = await rebuildStore(root);
  const deep = options.deep === true;
  const report = reportOf(await findingsIn(context, deep), deep);
  const lines = [
    `the database was made again: ${counted(images, "image name")}, ${counted(layers, "layer")}, ${
      counted(snapshots, "snapshot")
    }\n`,
    ...(kept === null ? [] : [`the old database is kept as ${kept}\n`]),
    ...unknown.map((path) => `${path} does not say what it is: it has no row${adoptHint(path)}\n`),
  ];
  return {
    json: { rebuilt: { kept, images, layers, snapshots, unknown }, left: report.json },
    text: [...lines, ...report.text],
    exit: report.exit,
  };
}

/** How a snapshot without a row comes back. */
function adoptHint(path: string): string {
  const id = /^snapshots\/(.*)$/.exec(path)?.[1];
  return id === undefined ? "" : ` ('varve snapshot adopt ${id} KEY --image REF' gets it back)`;
}

async function repair(context: Context, options: Options, from?: string): Promise<Report> {
  const deep = options.deep === true;
  const store = await context.store();
  using source = from === undefined
    ? undefined
    : await repairSource(context, from, isPlainHttp(options));
  const { ociLimits: documents, ...rules } = loadSettings(store);
  const { healed, left } = await repairStore(store, {
    deep,
    ...await deepOptions(context, deep),
    pool: await context.pool(),
    ...rules,
    documents,
    from: source?.origin,
    onStep: (message) => context.say(`varve: ${escapeText(inCommandWords(message))}`),
  });
  if (healed.some(({ kind }) => kind === "layer")) await warnOfStaleMounts(context);
  const report = reportOf(left, deep);
  return {
    json: { healed: healed.map((one) => inCommands(one, deep)), left: report.json },
    text: [...healed.map(({ kind, what }) => `healed: ${kind}: ${what}\n`), ...report.text],
    exit: report.exit,
  };
}

/** The pool and the progress of a check. */
export async function deepOptions(context: Context, deep: boolean): Promise<CheckOptions> {
  const { signal } = context;
  if (!deep) return { signal };
  const item = context.progress.start("check", undefined);
  return {
    signal,
    pool: await context.pool(),
    onProgress: ({ read, total }) => item.update(read, total),
  };
}

/** The finding for a database that cannot be opened. @throws any other error */
function databaseFinding(error: unknown): Finding {
  if (!(error instanceof VarveError && error.code === "E_DB")) throw error;
  // The database of a later version is not damaged.
  if (error.details.actual !== undefined) throw error;
  return {
    kind: "database",
    what: error.details.subject ?? "the database",
    expected: "a sound database",
    actual: error.message,
    affects: [],
    healedBy: "rebuild",
  };
}

/** The report of a check, which was deep or not: exit code 3 when something is damaged. */
export function reportOf(findings: readonly Finding[], deep: boolean): Report {
  const shown = findings.map((one) => inCommands(one, deep));
  return {
    json: shown,
    text: shown.map(lineOf),
    exit: findings.length === 0 ? 0 : EXIT_CODES.E_DAMAGE,
  };
}

/** A finding whose remedy is a command. */
interface ShownFinding extends Omit<Finding, "healedBy"> {
  readonly healedBy: string;
}

function inCommands(finding: Finding, deep: boolean): ShownFinding {
  const { kind, what, expected, actual, affects, healedBy } = finding;
  return { kind, what, expected, actual, affects, healedBy: commandFor(healedBy, deep) };
}

function lineOf({ kind, what, expected, actual, affects, healedBy }: ShownFinding): string {
  const users = affects.length === 0 ? "" : `; affects ${affects.join(", ")}`;
  return `${kind}: ${what}: expected ${expected}, found ${actual}${users} (${healedBy})\n`;
}
