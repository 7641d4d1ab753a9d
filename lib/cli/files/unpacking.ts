/** What the verbs share that write plain files to a directory. */
import { formatBytes } from "../../bytes/mod.ts";
import type { ExtractReport } from "../../directory/mod.ts";
import type { UnpackOptions } from "../../mount/mod.ts";
import type { Context } from "../context.ts";
import type { ProgressItem } from "../display/progress.ts";
import { warnOfDrops } from "../display/warnings.ts";
import { counted } from "../display/counted.ts";

/** What was unpacked. */
export interface Unpacked {
  readonly report: ExtractReport;
  /** The JSON document of the verb. */
  readonly json: Readonly<Record<string, unknown>>;
}

/**
 * Unpacks files with progress, and warns of what was left out.
 *
 * If the user interrupts that and the removal of the files takes time, a warning says which directory is being removed.
 * A second interrupt leaves it there.
 *
 * @param target where they appear
 * @param progress what the progress shows; `total` in bytes, `undefined` when unknown
 */
export async function unpackInto(
  context: Context,
  target: string,
  { label, total }: { readonly label: string; readonly total: number | undefined },
  unpack: (options: UnpackOptions) => Promise<ExtractReport>,
): Promise<Unpacked> {
  // An image that is read from where it is needs no store.
  const settings = (await context.storeIfThere())?.settings;
  let item: ProgressItem | undefined;
  let removing: Promise<void> | undefined;
  let report: ExtractReport;
  try {
    report = await unpack({
      pool: await context.pool(),
      devices: (settings?.get("devices") ?? "keep") as UnpackOptions["devices"],
      signal: context.signal,
      onProgress: (bytes) => (item ??= context.progress.start(label, total)).update(bytes),
      onRemains({ path, removed }) {
        removing = removed;
        context.endProgress();
        context.warn(`interrupted: removing ${path}; interrupt again to leave it`);
      },
    });
  } catch (error) {
    await removing;
    throw error;
  }
  item?.done(`${counted(report.files, "file")}, ${formatBytes(report.bytes)}`);
  warnOfDrops(context, target, report.dropped);
  const { whiteouts: _, dropped, ...counts } = report;
  const some = Object.entries(dropped).filter(([, count]) => count > 0);
  return { report, json: { target, ...counts, dropped: Object.fromEntries(some) } };
}
