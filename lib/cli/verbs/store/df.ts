import { formatBytes } from "../../../bytes/mod.ts";
import { type DiskUsage, diskUsage } from "../../../upkeep/mod.ts";
import { shortDigest } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import type { Verb } from "../../verb.ts";

/** `varve df`. */
export const df: Verb = {
  usage: "df",
  withoutStore: "refuses",
  summary: "show what the store takes on the disk",
  onlyReads: true,
  help: `Bytes are blocks on the disk, of each inode once, as 'du' counts them. RECLAIMABLE is what
'varve prune all --all' frees: images that no container, mount or lease uses, containers that have ended, caches and
parts of downloads that are not in use, garbage and trash. ACTIVE are images with a container or a mount, containers
that run, snapshots and caches that are mounted, and downloads that are running.

The types: images (documents, blobs, layers), containers, snapshots (others), caches (composed images and extracted
layers), parts (of downloads that did not end), trash (removed, but not deleted yet), lost (files of snapshots whose
rows were lost; 'varve snapshot adopt' lists them) and store (database, reserve, unfinished work).

JSON: {"rows":[{"type","total","active","size","reclaimable"}],"size","reclaimable",
"images":[{"names","digest","size","shared","unique","containers"}],
"layers":[{"diffId","size","shared","unique","images"}]}

"images" and "layers" are empty without --verbose. "shared" are the bytes that several images need, "unique" the
others.

Example:
  varve df -v`,
  configure(command) {
    command.option("-v, --verbose", "also show the bytes of each image and layer");
  },
  async run(context, _, options) {
    const verbose = options["verbose"] === true;
    const { signal, columns } = context;
    const usage = await diskUsage(await context.store(), { verbose, signal });
    return { json: usage, text: textOf(usage, verbose, columns) };
  },
};

function textOf(usage: DiskUsage, verbose: boolean, columns: number | undefined): string {
  const { rows, size, reclaimable } = usage;
  const summary = table(
    ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"],
    [
      ...rows.map((row) => [
        row.type,
        row.type === "store" ? "" : String(row.total),
        row.type === "store" ? "" : String(row.active),
        formatBytes(row.size),
        share(row.reclaimable, row.size),
      ]),
      ["sum", "", "", formatBytes(size), share(reclaimable, size)],
    ],
    columns,
  );
  return verbose ? `${summary}\n${detailsOf(usage, columns)}` : summary;
}

function share(bytes: number, of: number): string {
  return of === 0 ? formatBytes(bytes) : `${formatBytes(bytes)} (${Math.floor(100 * bytes / of)}%)`;
}

function detailsOf({ images, layers }: DiskUsage, columns: number | undefined): string {
  const imageRows = images.flatMap(({ names, digest, size, shared, unique, containers }) =>
    names.map((name) => [
      name,
      shortDigest(digest),
      formatBytes(size),
      formatBytes(shared),
      formatBytes(unique),
      containers,
    ])
  );
  const layerRows = layers.map(({ diffId, size, shared, unique, images }) => [
    shortDigest(diffId),
    formatBytes(size),
    formatBytes(shared),
    formatBytes(unique),
    images,
  ]);
  const columnsOf = ["SIZE", "SHARED", "UNIQUE"];
  return table(["IMAGE", "DIGEST", ...columnsOf, "CONTAINERS"], imageRows, columns) + "\n" +
    table(["LAYER", ...columnsOf, "IMAGES"], layerRows, columns);
}
