import { formatBytes } from "../../../bytes/mod.ts";
import { commitSnapshot, type CommittedImage } from "../../../commit/mod.ts";
import { pauseContainer } from "../../../container/mod.ts";
import { VarveError } from "../../../errors.ts";
import { formatReference, parseReference } from "../../../oci/mod.ts";
import { warnOf } from "../../display/warnings.ts";
import { snapshotReading } from "../../files/snapshot_reading.ts";
import { sourceDate } from "../../source_date.ts";
import { collect, listOption, stringOption, type Verb } from "../../verb.ts";
import { counted } from "../../display/counted.ts";

/** `varve commit`. */
export const commit: Verb = {
  usage: "commit <key> <ref>",
  withoutStore: "refuses",
  summary: "make an image from a read-write snapshot, whose changes become a layer",
  help:
    `KEY is a read-write snapshot of a mount or a container. Its changes become one layer on top of the image
below, with names, modes, owners, times in nanoseconds, extended attributes, hard links and devices. Files
that equal those of the image below are left out. When nothing changed, no layer is added. The same changes
give the same layer on any machine, and with SOURCE_DATE_EPOCH the same image. The snapshot stays as it is.

A running container is paused during the commit. With --no-pause, a file that changes while it is read is an
error.

INSTR is a Dockerfile instruction: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR.

JSON: {"name","manifest","imageId","chainId","parent","layers":[{"diffId","size","cacheId","entries"}],
"warnings":[{"code","count","example"}]}; "parent" is the image below, "layers" has only new ones

Examples:
  varve commit work app:1 --message "with nginx" --change 'CMD ["nginx"]'
  SOURCE_DATE_EPOCH=0 varve commit work app:1`,
  configure(command) {
    command
      .option("-a, --author <author>", "who made the change, for the config and the history")
      .option("-m, --message <message>", "what was changed, for the history")
      .option(
        "-c, --change <instr>",
        "Dockerfile instruction that changes the config; may be given several times",
        collect,
      )
      .option("--no-pause", "do not pause a running container");
  },
  async run(context, [key = "", reference = ""], options) {
    const name = nameOf(reference);
    const now = sourceDate(context);
    const author = stringOption(options, "author");
    const message = stringOption(options, "message");
    const store = await context.store();
    const item = context.progress.start("committing", undefined);
    const image = await commitSnapshot(store, key, {
      ...await snapshotReading(context),
      name,
      changes: listOption(options, "change"),
      onProgress: (bytes) => item.update(bytes),
      now,
      author,
      message,
      pause: options["pause"] === false ? undefined : (key) => pauseContainer(store, key),
    });
    const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
    item.done(image.layers.length === 0 ? "nothing changed" : formatBytes(size));
    warnOf(context, `snapshot ${JSON.stringify(key)}`, image.warnings);
    return { json: toJson(image), text: toText(image) };
  },
};

function nameOf(text: string): string {
  const reference = parseReference(text);
  if (reference.digest === undefined) return formatReference(reference);
  throw new VarveError("E_USAGE", `Cannot commit to ${text}: give a name without a digest`);
}

function toJson(image: CommittedImage): unknown {
  const layers = image.layers.map(({ diffId, size, cacheId, entries }) => ({
    diffId,
    size,
    cacheId,
    entries,
  }));
  return { ...image, layers };
}

function toText({ name, imageId, manifest, layers }: CommittedImage): string {
  const added = layers.map(({ diffId, size, entries }) =>
    `  layer     ${diffId}, ${counted(entries, "entry", "entries")}, ${formatBytes(size)}\n`
  );
  return `${name}\n  image ID  ${imageId}\n  manifest  ${manifest}\n` +
    (added.length === 0 ? "  layer     none: nothing changed\n" : added.join(""));
}
