import { formatBytes } from "../../../bytes/mod.ts";
import { backupStore } from "../../../upkeep/mod.ts";
import type { Verb } from "../../verb.ts";
import { counted } from "../../display/counted.ts";

/** `varve backup`. */
export const backup: Verb = {
  usage: "backup <dir>",
  withoutStore: "refuses",
  summary: "copy the store to a directory while it is in use",
  help:
    `DIR becomes a store of its own: 'varve --root DIR …' uses it. It has the state of one moment: images, blobs, layers,
snapshots, leases and settings, without what can be made again (composed images, extracted layers, parts of
downloads), without mounts and without lost/. DIR is new or empty (else exit 5), on any file system, and no mount
point (else exit 6). It gets its name at the end: when the command fails or is killed, there is no DIR.

The files of a container are copied while it is paused. Other read-write snapshots that are mounted cannot be
paused: a warning names them. --no-snapshots leaves out all read-write snapshots and views.

Files that never change are copied by the kernel, which shares their blocks where the file system can (btrfs, xfs).
--link makes hard links of them where DIR is on the same file system: no space, but one damage for both.

JSON: {"directory","linked","copied","bytes","snapshots","leftOut":[KEY],"unpaused":[KEY]}

Example:
  varve backup /backup/varve`,
  configure(command) {
    command
      .option("--link", "make hard links of files that never change, where that is possible")
      .option("--no-snapshots", "leave out read-write snapshots and views, so containers");
  },
  async run(context, [directory = ""], options) {
    const { signal } = context;
    const report = await backupStore(await context.store(), directory, {
      link: options["link"] === true,
      snapshots: options["snapshots"] !== false,
      pool: await context.pool(),
      signal,
    });
    for (const key of report.unpaused) {
      context.warn(
        `snapshot ${
          JSON.stringify(key)
        } was in use and not paused: its files may be from different moments`,
      );
    }
    const { linked, copied, bytes, snapshots } = report;
    const ways = [
      ...(copied > 0 ? [`${copied} copied`] : []),
      ...(linked > 0 ? [`${linked} hard links`] : []),
    ];
    return {
      json: report,
      text:
        `${report.directory}: ${counted(linked + copied, "file")} (${
          ways.join(", ") || "none"
        }), ` +
        `${formatBytes(bytes)}; ${counted(snapshots, "snapshot")}\n`,
    };
  },
};
