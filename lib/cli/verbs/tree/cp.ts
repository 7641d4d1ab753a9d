import { type ByteString, fromText, toText } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { unpackTree } from "../../../mount/internal.ts";
import type { Tree } from "../../../tree/mod.ts";
import type { Context } from "../../context.ts";
import { lastName, openPath, type Target } from "../../files/open_files.ts";
import { sourcesOf, subtree } from "../../files/subtree.ts";
import { writeTar } from "../../files/write_tar.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import { unpackInto } from "../../files/unpacking.ts";
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
    if (destination !== "-") return await copyTo(context, target, destination);
    await writeTar(context, target.files, () => treeOf(target));
    return STREAMED;
  },
};

/** The tree with the file or directory as its first entry. */
async function treeOf(target: Target): Promise<Tree> {
  const whole = await target.files.tree();
  const name = nameOf(target);
  return name === undefined ? whole : subtree(whole, target, name, whole.kind);
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
  const { json } = await unpackInto(
    context,
    to,
    { label: "copying", total: undefined },
    (options) => unpackTree(store, { tree, tars, entry }, to, options),
  );
  return { json, text: `${to}\n` };
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

/** Whether a path is that of a directory. If it cannot be read, the unpack says why. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
