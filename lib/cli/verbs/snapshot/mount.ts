import { escapeText } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import {
  listMounts,
  mountImage,
  unmountAll,
  unmountImage,
  unpackImage,
} from "../../../mount/mod.ts";
import { openImage, PLATFORM_OPTION } from "../../images.ts";
import { reportMount, reportMounts } from "../../report_mount.ts";
import { unpackInto } from "../../files/unpacking.ts";
import { stringOption, type Verb } from "../../verb.ts";
import type { WithoutStore } from "../../without_store.ts";
import { counted } from "../../display/counted.ts";

/** `mount` and `umount --all` are about all mounts of a store, and so have no arguments. */
function withoutArguments(args: readonly string[]): WithoutStore {
  return args.length === 0 ? "lists nothing" : "refuses";
}

/** `varve mount`. */
export const mount: Verb = {
  usage: "mount [ref] [dir]",
  withoutStore: withoutArguments,
  summary: "mount an image, read-only or with a read-write snapshot on top; list what is mounted",
  help: `Without REF and DIR it lists what is mounted of this store.

Without --rw the mount is read-only. With --rw KEY, changes go to the snapshot KEY. It stays after umount, and
mounting it again brings the changes back. The image's layers never change.

With the erofs driver, the kernel refuses to set an ACL on a file that is still unchanged (EOPNOTSUPP). Change
the file in another way first, for example with 'touch -r FILE FILE', or use --driver overlay.

JSON: {"target","key","readOnly","driver","mounts":[{"type","source","options"}]}

Of the list: [{"target","image","key","readOnly","elsewhere","created"}]. "elsewhere" is true for a mount in another
mount namespace.

Examples:
  varve mount
  varve mount debian:12 /mnt
  varve mount debian:12 /mnt --rw work`,
  configure(command) {
    command
      .option("--rw <key>", "key of the read-write snapshot; created if there is none")
      .option(...PLATFORM_OPTION);
  },
  async run(context, [reference, directory], options) {
    const key = stringOption(options, "rw");
    if (reference === undefined && key === undefined) {
      const store = await context.storeIfAny();
      return reportMounts(store === undefined ? [] : listMounts(store), context.columns);
    }
    if (reference === undefined || directory === undefined) {
      throw new VarveError(
        "E_USAGE",
        `Cannot mount: ${reference === undefined ? "no image is given" : "no directory is given"}`,
        { hint: "varve mount REF DIR; without both it lists what is mounted" },
      );
    }
    const store = await context.store();
    const image = await openImage(store, reference, options);
    const snapshotter = await context.snapshotter();
    const { signal } = context;
    const mounted = await mountImage(store, image, directory, { snapshotter, signal, key });
    return reportMount(mounted, snapshotter);
  },
};

/** `varve umount`. */
export const umount: Verb = {
  usage: "umount [dir]",
  withoutStore: withoutArguments,
  summary: "unmount an image; its read-write snapshot stays",
  help:
    `--all unmounts everything of this store but containers that run. Afterwards the store can be removed.

With --lazy, processes may still use the mount. What it needs is kept until they end: gc leaves its layers, and
the snapshot cannot be mounted again, run or removed.

JSON: {"target","key","inUse"}; with --all: [{"target","key"}]. "inUse" says whether something still uses the mount.

Example:
  varve umount /mnt`,
  configure(command) {
    command.option("--lazy", "detach it now, even if it is in use")
      .option("--all", "unmount everything of this store");
  },
  async run(context, [directory], options) {
    const all = options["all"] === true;
    if (all === (directory !== undefined)) {
      throw new VarveError(
        "E_USAGE",
        `Cannot unmount: ${all ? "--all takes no directory" : "no directory is given"}`,
        { hint: "varve umount DIR, or varve umount --all; 'varve mount' lists what is mounted" },
      );
    }
    const store = await context.storeIfAny();
    if (store === undefined) return { json: [], text: "" };
    const snapshotter = await context.snapshotter();
    const lazy = options["lazy"] === true;
    if (directory === undefined) {
      const json = await unmountAll(store, { snapshotter, lazy });
      return { json, text: json.map(({ target }) => `${escapeText(target)}\n`).join("") };
    }
    const { key, inUse } = await unmountImage(store, directory, { snapshotter, lazy });
    if (inUse) {
      context.warn(
        `something still uses the mount that was at ${directory}: what it needs is kept until that ends`,
      );
    }
    return { json: { target: directory, key, inUse }, text: "" };
  },
};

/** `varve unpack`. */
export const unpack: Verb = {
  usage: "unpack <ref> <dir>",
  withoutStore: "refuses",
  summary: "unpack an image into plain files, which needs no privileges",
  help:
    `DIR must be empty or must not exist. It appears complete or not at all. If you are not root, you own all files,
and devices and privileged attributes are left out; a warning counts them.

JSON: {"target","directories","files","symlinks","links","specials","bytes","dropped":{REASON:count}}

Example:
  varve unpack debian:12 ./root`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [reference = "", directory = ""], options) {
    const store = await context.store();
    const image = await openImage(store, reference, options);
    const total = image.layers.reduce(
      (sum, { diffId }) => sum + (store.layers.get(diffId)?.size ?? 0),
      0,
    );
    const { report, json } = await unpackInto(
      context,
      directory,
      { label: "unpacking", total },
      (options) => unpackImage(store, image, directory, options),
    );
    return {
      json,
      text: `${directory}  ${counted(report.files, "file")}, ${
        counted(report.directories, "directory", "directories")
      }\n`,
    };
  },
};
