/** `varve cp` into a snapshot. */
import { type ByteString, escapeForTerminal, fromText } from "../../bytes/mod.ts";
import { refuseReadOnly } from "../../container/internal.ts";
import { VarveError } from "../../errors.ts";
import { importImage, type LoadedLayer } from "../../image/mod.ts";
import {
  CWD,
  effectiveGroup,
  effectiveUser,
  isErrno,
  Open,
  openAt,
  type OwnedFd,
  ownFd,
} from "../../linux/mod.ts";
import { type CopyIntoOptions, copyPathInto, copyTreeInto } from "../../mount/internal.ts";
import type { UnpackOptions } from "../../mount/mod.ts";
import { openStore } from "../../store/mod.ts";
import { isSource } from "../sources/is_source.ts";
import { sourceDirectory } from "../sources/source_directory.ts";
import type { Context } from "../context.ts";
import { warnOfDrops } from "../display/warnings.ts";
import { isSnapshot, splitReferencePath } from "../images.ts";
import { newImageOptions, tarSource } from "../new_image.ts";
import { warnOfLayers } from "../report_images.ts";
import type { Options, Report } from "../verb.ts";
import { nameOfTarget, openPath, refuseWhiteout } from "./open_files.ts";
import { sourcesOf, subtree } from "./subtree.ts";

/** Name under which a directory is staged that has none: only what is in it is copied, or it gets a new name. */
const UNNAMED = fromText("contents");

/**
 * Copies a file or directory, or the files of a tar, into a snapshot.
 *
 * @param isOut whether the source is `REF:/PATH`
 */
export async function copyInto(
  context: Context,
  source: string,
  destination: string,
  isOut: boolean,
  options: Options,
): Promise<Report> {
  const { reference: key, path } = splitReferencePath(destination);
  const store = await context.store();
  if (isSource(destination) || !isSnapshot(store, key)) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot copy to ${destination}: there is no snapshot ${key}`,
      { subject: key, hint: "images never change: 'varve run' or 'varve mount --rw' make a KEY" },
    );
  }
  await refuseReadOnly(store, key);
  const into: CopyIntoOptions = {
    store,
    snapshotter: await context.snapshotter(),
    pool: await context.pool(),
    key,
    path,
    signal: context.signal,
  };
  const copied = source === "-"
    ? await copyTar(context, into)
    : isOut
    ? await copyTarget(context, into, source, options)
    : await copyPath(into, source, options["archive"] === true);
  const shown = escapeForTerminal(copied);
  return { json: { key, path: shown }, text: `${escapeForTerminal(fromText(key))}:${shown}\n` };
}

/** Copies a file or directory of this machine. */
async function copyPath(
  into: CopyIntoOptions,
  source: string,
  keepsOwners: boolean,
): Promise<ByteString> {
  const clean = source.replace(/\/+$/, "") || "/";
  const last = clean.slice(clean.lastIndexOf("/") + 1);
  // What has no name of its own is copied as what is in it. A slash at the end asks for the directory behind a link.
  const isContents = ["", ".", ".."].includes(last);
  const what = isContents ? "contents" : clean === source ? "entry" : "directory";
  const parent = what === "entry" ? clean.slice(0, clean.length - last.length) || "." : clean;
  const name = isContents ? UNNAMED : fromText(last);
  using directory = openSource(parent, source);
  // Who is not root can only give files to this user.
  const isRoot = effectiveUser() === 0;
  const owner = isRoot && keepsOwners
    ? undefined
    : { uid: effectiveUser(), gid: isRoot ? 0 : effectiveGroup() };
  try {
    return await copyPathInto(into, { directory: directory.fd, name, what, owner });
  } catch (error) {
    const shown = escapeForTerminal(fromText(last));
    if (!isErrno(error, "ENOENT") || error.details.subject !== shown) throw error;
    throw noSource(source);
  }
}

function openSource(path: string, source: string): OwnedFd {
  try {
    return ownFd(openAt(CWD, fromText(path), Open.READ | Open.DIRECTORY));
  } catch (error) {
    if (isErrno(error, "ENOTDIR") && /\/\.?$/.test(source)) {
      throw new VarveError("E_NOT_FOUND", `Cannot copy ${source}: it is not a directory`, {
        subject: source,
      });
    }
    throw isErrno(error, "ENOENT", "ENOTDIR") ? noSource(source) : error;
  }
}

function noSource(source: string): VarveError {
  return new VarveError("E_NOT_FOUND", `Cannot copy ${source}: there is no such file`, {
    subject: source,
  });
}

/** Copies a file or directory out of an image or a snapshot. */
async function copyTarget(
  context: Context,
  into: CopyIntoOptions,
  source: string,
  options: Options,
): Promise<ByteString> {
  await using target = await openPath(context, source, false, options);
  refuseWhiteout(target, source);
  const name = nameOfTarget(target);
  const entry = name ?? UNNAMED;
  const tree = subtree(await target.files.tree(), target, entry, "layer");
  const tars = new Map([...sourcesOf(tree)].map((diffId) => [diffId, target.files.tarOf(diffId)]));
  return await copyTree(context, into, { tree, tars, entry, isContents: name === undefined });
}

/** Copies the files of a tar from standard input. It is read like the layer of an image. */
async function copyTar(context: Context, into: CopyIntoOptions): Promise<ByteString> {
  const tar = tarSource(context, "-", "copy");
  await using temporary = await sourceDirectory();
  await using store = await openStore({ root: temporary.path, durability: "none" });
  const image = await importImage(store, tar, await newImageOptions(context, "copied:1", 0));
  warnOfLayers(context, [image]);
  const { diffId } = image.layers[0] as LoadedLayer;
  const tree = await store.layers.tree(diffId);
  return await copyTree(context, into, {
    tree,
    tars: new Map([[diffId, store.directories.layerTar(diffId)]]),
  });
}

type Copied = Parameters<typeof copyTreeInto>[1];

async function copyTree(
  context: Context,
  into: CopyIntoOptions,
  copied: Copied,
): Promise<ByteString> {
  const devices = into.store.settings.get("devices") ?? "keep";
  const { path, dropped } = await copyTreeInto(into, {
    ...copied,
    devices: devices as UnpackOptions["devices"],
  });
  warnOfDrops(context, `${into.key}:${path}`, dropped);
  return path;
}
