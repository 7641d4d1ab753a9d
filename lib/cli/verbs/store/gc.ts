import { formatBytes } from "../../../bytes/mod.ts";
import type { Garbage, GcReport } from "../../../store/mod.ts";
import { collectGarbage } from "../../../upkeep/mod.ts";
import type { Context } from "../../context.ts";
import { printableLine } from "../../display/printable.ts";
import { shortDigest } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import type { Verb } from "../../verb.ts";

/** Columns of a name that a terminal shows. */
const NAME_WIDTH = 40;

/** Time in ms to wait for another process that collects. */
const WAIT = 60_000;

/** `varve gc`. */
export const gc: Verb = {
  usage: "gc",
  withoutStore: "refuses",
  summary: "remove everything that nothing needs",
  help:
    `Kept is what image names, snapshots (so containers, too), live leases and running loads, pulls and commits need.
Removed is the rest: blobs, layers, composed images and extracted directories, expired leases, and what was removed
earlier and is still in trash/. What a mount uses is deferred to a later gc. Before, gc ends what mounts and runs
left that were killed or ended by a reboot: their leases and views, snapshots of 'run --rm', and images that stay
mounted below mounts/ of the store although no snapshot needs them. 'varve rmi', 'varve snapshot rm' and
'varve run --rm' do the same when they end.

Composed images and extracted directories of what is kept, and kept parts of downloads, are removed only beyond
the settings cache.size and cache.parts: those first that were not used for the longest time. A mount or a run
that makes a composed image or extracts a layer enforces cache.size, too.

--drop-compressed also removes the compressed blobs of all layers. The images then name the uncompressed
layers, which the store has anyway: their manifests get other digests, so a push changes digests. The image IDs
stay. 'varve push --compression' compresses layers again. Artifacts (documents with an "artifactType"), and images
that are not whole in the store, stay as they are. What refers to an image by its "subject", or by a signature of
its digest, still names the old digest.

JSON: {"removed":[{"kind","name","bytes","reason"}],"bytes","deferred":[…],"unreadable":[DIGEST],
"dropped":[{"name","from","to"}]}

Example:
  varve gc --dry-run`,
  configure(command) {
    command
      .option("--dry-run", "show what would be removed, and remove nothing")
      .option("--drop-compressed", "remove compressed blobs too; a push then changes digests");
  },
  async run(context, _, options) {
    const dryRun = options["dryRun"] === true;
    const dropCompressed = options["dropCompressed"] === true;
    const store = await context.store();
    const { signal } = context;
    const report = await collectGarbage(store, { dryRun, dropCompressed, wait: WAIT, signal });
    warnOfUnreadable(context, report);
    for (const { name, from, to } of report.dropped) {
      context.warn(
        dryRun
          ? `${name} would be ${shortDigest(to)}, it is ${
            shortDigest(from)
          }: a push would change its digest`
          : `${name} is now ${shortDigest(to)}, it was ${
            shortDigest(from)
          }: a push changes its digest`,
      );
    }
    return { json: report, text: textOf(report, dryRun, context.columns) };
  },
};

/** Says why no image content was removed. */
export function warnOfUnreadable(
  context: Context,
  { unreadable }: Pick<GcReport, "unreadable">,
): void {
  const [digest] = unreadable;
  if (digest === undefined) return;
  context.warn(
    `document ${digest} of an image is damaged, so nobody knows what it needs: no blob, layer or chain is removed; ` +
      "load or pull the image again, or remove it",
  );
}

function textOf(report: GcReport, dryRun: boolean, columns?: number): string {
  const rows = garbageRows(report, columns);
  const list = rows.length === 0 ? "" : table(GARBAGE_HEADINGS, rows, columns);
  return `${list}${dryRun ? "Would free" : "Freed"} ${formatBytes(report.bytes)}\n`;
}

/** Headings of {@linkcode garbageRows}. */
export const GARBAGE_HEADINGS: readonly string[] = ["KIND", "NAME", "SIZE", "REASON"];

/** What was removed and what was deferred, as rows of a table. */
export function garbageRows(
  { removed, deferred }: Pick<GcReport, "removed" | "deferred">,
  columns: number | undefined,
): string[][] {
  const row = ({ kind, name, bytes, reason }: Garbage) => [
    kind,
    /^sha(?:256|512):/.test(name) ? shortDigest(name) : printableLine(name, NAME_WIDTH, columns),
    bytes === 0 ? "" : formatBytes(bytes),
    reason,
  ];
  return [
    ...removed.map(row),
    ...deferred.map((one) => row({ ...one, reason: `deferred: ${one.reason}` })),
  ];
}
