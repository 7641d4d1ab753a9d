import { type ByteString, fromText, toText } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { unpackTree } from "../../../mount/internal.ts";
import type { Tree } from "../../../tree/mod.ts";
import type { Context } from "../../context.ts";
import { nameOfTarget, openPath, refuseWhiteout, type Target } from "../../files/open_files.ts";
import { sourcesOf, subtree } from "../../files/subtree.ts";
import { writeTar } from "../../files/write_tar.ts";
import { PLATFORM_OPTION, splitReferencePath } from "../../images.ts";
import { unpackInto } from "../../files/unpacking.ts";
import { type Report, STREAMED, type Verb } from "../../verb.ts";
import { openAnyImage } from "../../sources/open_image.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";
import type { DiskStore } from "../../../store/mod.ts";

/** `varve cp`. */
export const cp: Verb = {
  usage: "cp <source> <destination>",
  withoutStore: "refuses",
  summary: "copy a file or directory out of an image or a snapshot, or into a snapshot",
  help:
    `REF:/PATH as SOURCE copies out of an image, a snapshot or a layer. If DESTINATION is a directory that exists, the
copy gets its own name in there. Otherwise DESTINATION is its new name. Nothing is replaced. The copy appears complete
or not at all, with hard links, owners, times and attributes, as unpack makes it. If you are not root, you own all
files, and devices and privileged attributes are left out; a warning counts them. A symbolic link is copied as a link,
unless a slash follows it. With /. at its end, what is in the directory is copied, and DESTINATION must be new or
empty. With - as DESTINATION, a tar goes to standard output. Its first entry is the file or directory.

KEY:/PATH as DESTINATION copies into a read-write snapshot, by the rules of docker cp. SOURCE is a path of this machine
(write ./a:/b for one with a colon), REF:/PATH, or - for a tar on standard input, whose files go into the directory
PATH. SOURCE/. copies what is in a directory. Files are replaced, and directories that are there get the new names; a
directory never takes the place of a file, nor a file that of a directory. A directory, or what is in it, may get a new
name; the directory around that name must be there. Symbolic links in PATH are followed inside
the snapshot. Each name appears complete. Files of this machine belong to root then, unless -a is given; those of a tar
or an image keep their owners.

A snapshot that is mounted, or whose container runs, gets the files at once. What a container has mounted, such as
volumes, /tmp of --tmpfs, /proc and /dev, does not get them: they go into the directory of the snapshot below. While a
container runs with --read-only, its files do not change: the exit code is 6. If another mount namespace has the mount,
the exit code is 6, too: run cp there.

JSON: as unpack; into a snapshot {"key","path"}

Examples:
  varve cp debian:/etc/os-release .
  varve cp app:1:/srv - | tar t
  varve cp ./site.conf work:/etc/nginx/conf.d/
  tar c -C site . | varve cp - work:/srv`,
  configure(command) {
    command.option(...PLATFORM_OPTION)
      .option(...PLAIN_HTTP_OPTION)
      .option("-a, --archive", "into a snapshot: keep the owners of files of this machine");
  },
  async run(context, [source = "", destination = ""], options) {
    const isOut = isInside(source);
    if (isInside(destination)) {
      const { copyInto } = await import("../../files/copy_into.ts");
      return await copyInto(context, source, destination, isOut, options);
    }
    if (!isOut) {
      throw new VarveError("E_USAGE", `Cannot copy ${source}: it has no path`, {
        hint: `write ${source}:/PATH; 'varve unpack' copies everything`,
      });
    }
    await using target = await openPath(context, source, false, options);
    refuseWhiteout(target, source);
    if (destination !== "-") {
      const { reference } = splitReferencePath(source);
      // Only an image that is read from where it is can be there without a store.
      const store = await context.storeIfThere() ??
        (await openAnyImage(context, reference, options)).store;
      return await copyTo(context, store, target, destination);
    }
    await writeTar(context, target.files, () => treeOf(target));
    return STREAMED;
  },
};

/** Whether an argument is `REF:/PATH`, not a path of this machine. */
function isInside(argument: string): boolean {
  return !/^\.{0,2}\//.test(argument) && argument.includes(":/");
}

/** The tree with the file or directory as its first entry. */
async function treeOf(target: Target): Promise<Tree> {
  const whole = await target.files.tree();
  const name = nameOfTarget(target);
  if (name === undefined && target.path === "") return whole;
  return subtree(whole, target, name, whole.kind);
}

async function copyTo(
  context: Context,
  store: DiskStore,
  target: Target,
  destination: string,
): Promise<Report> {
  const { files } = target;
  const name = nameOfTarget(target);
  const to = name !== undefined && await isDirectory(destination)
    ? `${destination.replace(/\/+$/, "")}/${textOf(name)}`
    : destination;
  if (to === destination && to.endsWith("/") && target.node.type !== "directory") {
    throw new VarveError("E_NOT_FOUND", `Cannot copy to ${to}: there is no such directory`, {
      subject: to,
      hint: "make the directory first, or leave out the slash",
    });
  }
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
