import { formatBytes } from "../../../bytes/mod.ts";
import type { Command } from "commander";
import { VarveError } from "../../../errors.ts";
import {
  type PruneFilter,
  type PruneOptions,
  type PruneReport,
  pruneStore,
} from "../../../upkeep/mod.ts";
import { confirm } from "../../confirm.ts";
import type { Context } from "../../context.ts";
import { writeMessage } from "../../display/output.ts";
import { table } from "../../display/table.ts";
import { collect, listOption, type Options, type Report, type Verb } from "../../verb.ts";
import { GARBAGE_HEADINGS, garbageRows, warnOfUnreadable } from "./gc.ts";
import { parseFilters } from "./prune_filter.ts";

/** Time in ms to wait for another process that collects garbage. */
const WAIT = 60_000;

const HELP =
  `Shows what it would remove, and asks; without a terminal it needs --force or --dry-run (else exit 2). What nothing
needs any more is removed with it, as 'varve gc' does.

--filter until=TIME lets through what was made before TIME (for caches: used last): an age such as 24h or 7d, a date,
or seconds since 1970. --filter label=KEY[=VALUE] and label!=KEY[=VALUE] look at the labels. All filters must let a
thing through.

JSON: {"images":[NAME],"containers":[{"key","bytes"}],"removed":[{"kind","name","bytes","reason"}],"bytes",
"deferred":[…],"unreadable":[DIGEST]}`;

/** The verbs of `varve prune`. */
export const pruneVerbs: readonly Verb[] = [
  {
    usage: "images",
    withoutStore: "refuses",
    summary: "remove images without a name, with --all every image that is not used",
    help:
      `An image is used when a container, a read-write snapshot, a mount or a lease needs it. ${HELP}

Examples:
  varve prune images
  varve prune images --all --filter until=30d --dry-run`,
    configure(command) {
      pruneOptions(command);
      command.option("-a, --all", "every image that is not used");
    },
    run: async (context, _, options) => await prune(context, options, { images: which(options) }),
  },
  {
    usage: "containers",
    withoutStore: "refuses",
    summary: "remove containers that have ended, with their files",
    help: `A container that is mounted stays. ${HELP}

Example:
  varve prune containers --filter until=24h`,
    configure: pruneOptions,
    run: async (context, _, options) => await prune(context, options, { containers: true }),
  },
  {
    usage: "caches",
    withoutStore: "refuses",
    summary: "remove composed images, extracted layers and parts of downloads that are not in use",
    help: `The next mount or download makes them again. Caches have no labels. ${HELP}

Example:
  varve prune caches --force`,
    configure: pruneOptions,
    async run(context, _, options) {
      const labelled = listOption(options, "filter").find((filter) => filter.startsWith("label"));
      if (labelled !== undefined) {
        throw new VarveError(
          "E_USAGE",
          `Cannot use --filter ${JSON.stringify(labelled)}: caches have no labels`,
          { hint: "give --filter until=TIME" },
        );
      }
      return await prune(context, options, { caches: true });
    },
  },
  {
    usage: "all",
    withoutStore: "refuses",
    summary: "remove ended containers, images without a name (with --all: not used) and caches",
    help:
      `Containers go first: an image that only they used is not used any more. With a filter by labels, caches
stay. ${HELP}

Example:
  varve prune all --all`,
    configure(command) {
      pruneOptions(command);
      command.option("-a, --all", "every image that is not used");
    },
    run: async (context, _, options) =>
      await prune(context, options, { images: which(options), containers: true, caches: true }),
  },
];

function pruneOptions(command: Command): void {
  command
    .option(
      "--filter <condition>",
      "only what a condition lets through; may be given several times",
      collect,
    )
    .option("--dry-run", "show what would be removed, and remove nothing")
    .option("-f, --force", "do not ask");
}

function which(options: Options): "all" | "nameless" {
  return options["all"] === true ? "all" : "nameless";
}

async function prune(
  context: Context,
  options: Options,
  what: Pick<PruneOptions, "images" | "containers" | "caches">,
): Promise<Report> {
  const filter: PruneFilter = parseFilters(listOption(options, "filter"), Date.now());
  const { signal, columns } = context;
  const store = await context.store();
  const wanted = { ...filter, ...what, wait: WAIT, signal };
  const dryRun = options["dryRun"] === true;
  if (dryRun || options["force"] !== true) {
    const plan = await pruneStore(store, { ...wanted, dryRun: true });
    warnOfUnreadable(context, plan);
    const list = listOf(plan, columns);
    const isEmpty = plan.images.length + plan.containers.length + plan.removed.length === 0;
    if (dryRun || isEmpty) {
      return {
        json: plan,
        text: `${list}${dryRun ? "Would free" : "Freed"} ${formatBytes(plan.bytes)}\n`,
      };
    }
    // Also with --quiet: nobody should say yes to what is not shown.
    context.endProgress();
    writeMessage(context.io, list);
    const question = `Remove all of this and free ${formatBytes(plan.bytes)}?`;
    if (!await confirm(context, question, "--force or --dry-run")) {
      const none = {
        images: [],
        containers: [],
        removed: [],
        bytes: 0,
        deferred: [],
        unreadable: [],
      };
      return { json: none, text: "Nothing was removed\n" };
    }
  }
  const report = await pruneStore(store, wanted);
  if (options["force"] === true) warnOfUnreadable(context, report);
  return { json: report, text: `${listOf(report, columns)}Freed ${formatBytes(report.bytes)}\n` };
}

function listOf(report: PruneReport, columns: number | undefined): string {
  const rows = [
    ...report.containers.map(({ key, bytes }) => [
      "container",
      key,
      formatBytes(bytes),
      "it has ended",
    ]),
    ...report.images.map((name) => ["image", name, "", "nothing uses it"]),
    ...garbageRows(report, columns),
  ];
  return rows.length === 0 ? "" : table(GARBAGE_HEADINGS, rows, columns);
}
