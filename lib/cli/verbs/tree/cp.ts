import { type ByteString, formatBytes, fromText, toText } from "../../../bytes/mod.ts";
import { writeTree } from "../../../codec/tar/mod.ts";
import { VarveError } from "../../../errors.ts";
import { unpackTree } from "../../../mount/internal.ts";
import type { Context } from "../../context.ts";
import type { ProgressItem } from "../../display/progress.ts";
import { warnOfDrops } from "../../display/warnings.ts";
import { lastName, openPath, type Target } from "../../files/open_files.ts";
import { sourcesOf, subtree } from "../../files/subtree.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { type Report, STREAMED, type Verb } from "../../verb.ts";

/** `varve cp`. */
export const cp: Verb = {
  usage: "cp <ref:/path> <destination>",
  withoutStore: "refuses",
  summary: "copy a file or directory out of an image or a snapshot",
  help:
    `If DESTINATION is a directory that exists, the copy gets its own name in there. Otherwise DESTINATION is its new name. Nothing
is replaced. The copy appears complete or not at all, with hard links, owners, times and attributes, as unpack makes it.
If you are not root, you own all files, and devices and privileged attributes are left out; a warning counts them. A
symbolic link is copied as a link, unless a slash follows it.

With - as DESTINATION, a tar goes to standard output. Its first entry is the file or directory.

To change files of a snapshot, mount it: varve mount REF DIR --rw KEY.

JSON: as unpack

Examples:
  varve cp debian:/etc/os-release .
  varve cp work:/var/log ./log
  varve cp app:1:/srv - | tar t`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [source = "", destination = ""], options) {
    if (!source.includes(":/")) {
      throw new VarveError("E_USAGE", `Cannot copy ${source}: it has no path`, {
        hint: `write ${source}:/PATH; 'varve unpack' copies everything`,
      });
    }
    if (destination.includes(":/")) {
      throw new VarveError(
        "E_USAGE",
        `Cannot copy to ${destination}: images and snapshots are only read`,
        {
          hint: "varve mount REF DIR --rw KEY, then copy into DIR",
        },
      );
    }
    await using target = await openPath(context, source, false, options);
    if (target.node.type === "whiteout") {
      throw new VarveError("E_USAGE", `Cannot copy ${source}: it is a whiteout`);
    }
    return destination === "-"
      ? await writeTar(context, target)
      : await copyTo(context, target, destination);
  },
};

async function writeTar(context: Context, target: Target): Promise<typeof STREAMED> {
  if (context.io.isTerminal("stdout")) {
    throw new VarveError("E_USAGE", "Cannot write a tar to a terminal: use a pipe");
  }
  const { files } = target;
  const whole = await files.tree();
  const name = nameOf(target);
  const tree = name === undefined ? whole : subtree(whole, target, name, whole.kind);
  const read = files.contents.read.bind(files.contents);
  for await (const chunk of writeTree(tree, read, { signal: context.signal })) {
    await context.io.stdout(chunk);
  }
  return STREAMED;
}

async function copyTo(context: Context, target: Target, destination: string): Promise<Report> {
  const store = await context.store();
  const { files } = target;
  const name = nameOf(target);
  const to = name !== undefined && await isDirectory(destination)
    ? `${destination.replace(/\/+$/, "")}/${textOf(name)}`
    : destination;
  // The new name is that of the destination. In the tree any name does.
  const entry = name === undefined ? undefined : fromText("copy");
  const tree = subtree(await files.tree(), target, entry, "layer");
  const tars = new Map([...sourcesOf(tree)].map((source) => [source, files.tarOf(source)]));
  let item: ProgressItem | undefined;
  const report = await unpackTree(store, { tree, tars, entry }, to, {
    pool: await context.pool(),
    devices: (store.settings.get("devices") ?? "keep") as "keep" | "skip" | "reject",
    signal: context.signal,
    onProgress: (bytes) => (item ??= context.progress.start("copying", undefined)).update(bytes),
  });
  item?.done(`${report.files} files, ${formatBytes(report.bytes)}`);
  warnOfDrops(context, to, report.dropped);
  const { whiteouts: _, dropped, ...counts } = report;
  const some = Object.entries(dropped).filter(([, count]) => count > 0);
  return {
    json: { target: to, ...counts, dropped: Object.fromEntries(some) },
    text: `${to}\n`,
  };
}

/** Name of the file or directory; `undefined` for the root. */
function nameOf({ path }: Target): ByteString | undefined {
  return path === "" ? undefined : lastName(path);
}

/** A name as a part of a path. @throws {VarveError} `E_USAGE` it is not UTF-8 */
function textOf(name: ByteString): string {
  const text = toText(name);
  if (fromText(text) === name) return text;
  throw new VarveError("E_USAGE", "Cannot copy: the name is not UTF-8", {
    hint: "give a new name",
  });
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
