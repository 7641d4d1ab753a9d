import { formatBytes } from "../../../bytes/mod.ts";
import { writeFile } from "../../../archive/mod.ts";
import { exportSnapshot } from "../../../commit/mod.ts";
import { pauseContainer } from "../../../container/mod.ts";
import { VarveError } from "../../../errors.ts";
import { exportImage, type ExportOptions } from "../../../image/mod.ts";
import type { Context } from "../../context.ts";
import { isSnapshot, PLATFORM_OPTION, platformChoice } from "../../images.ts";
import { snapshotReading } from "../../files/snapshot_reading.ts";
import { type Options, outputOption, STREAMED, type Verb } from "../../verb.ts";

/** `varve export`. */
export const exportVerb: Verb = {
  usage: "export <ref|key>",
  withoutStore: "refuses",
  summary: "write the root filesystem of an image or a snapshot as one flat tar",
  help:
    `The tar holds what a container sees: all layers merged into one, without whiteouts. Nothing is mounted.
Without -o it goes to standard output.

KEY names a snapshot, which is read as it is now. If an image has the same name, the snapshot is taken.
A running container is paused while its changes are read.

The same files give the same bytes on any machine. Names are in the order of their bytes; times have
nanoseconds; extended attributes and hard links are kept. To extract all of that, GNU tar needs
--xattrs --xattrs-include='*'.

JSON (with -o): {"exported","to"}

Examples:
  varve export app:1 -o app.tar
  varve export work | tar t`,
  configure(command) {
    command
      .option("-o, --output <file>", "write to a file; - is standard output")
      .option(...PLATFORM_OPTION)
      .option("--no-pause", "do not pause a running container");
  },
  async run(context, [reference = ""], options) {
    const store = await context.store();
    const output = outputOption(options);
    if (output === undefined && context.io.isTerminal("stdout")) {
      throw new VarveError("E_USAGE", "Cannot export to a terminal: give -o FILE or a pipe");
    }
    const item = context.progress.start("exporting", undefined);
    let size = 0;
    const bytes = await open(context, reference, options, (written) => item.update(size = written));
    if (output !== undefined) await writeFile(output, bytes, store.durability);
    else for await (const chunk of bytes) await context.io.stdout(chunk);
    item.done(formatBytes(size));
    if (output === undefined) return STREAMED;
    return { json: { exported: reference, to: output }, text: `${output}\n` };
  },
};

async function open(
  context: Context,
  reference: string,
  options: Options,
  onProgress: NonNullable<ExportOptions["onProgress"]>,
): Promise<ReadableStream<Uint8Array>> {
  const store = await context.store();
  const { signal } = context;
  if (!isSnapshot(store, reference)) {
    return await exportImage(store, reference, { ...platformChoice(options), signal, onProgress });
  }
  return await exportSnapshot(store, reference, {
    ...await snapshotReading(context),
    onProgress,
    pause: options["pause"] === false ? undefined : (key) => pauseContainer(store, key),
  });
}
