/** Opens the files that a verb reads: those of an image, a snapshot or a layer. */
import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { isVarveError, VarveError } from "../../errors.ts";
import { imageView } from "../../image/internal.ts";
import { imageTree, TreeContents } from "../../image/mod.ts";
import type { DiskStore, StoredImage } from "../../store/mod.ts";
import {
  emptyTree,
  list,
  type NamedNode,
  type Node,
  resolve,
  type Resolved,
  type ResolveOptions,
  type Tree,
} from "../../tree/mod.ts";
import type { Context } from "../context.ts";
import { isSnapshot, openImage, splitReferencePath } from "../images.ts";
import { isSource } from "../sources/is_source.ts";
import { openAnyImage } from "../sources/open_image.ts";
import type { Options } from "../verb.ts";

/** How to look up a few paths. */
export interface FilesView {
  /** As `resolve` of a tree. @throws {VarveError} `E_LOOP`, `E_NOT_DIR` */
  resolve(path: ByteString, options?: ResolveOptions): Resolved | undefined;
  /** As `list` of a tree. @throws {VarveError} `E_NOT_FOUND`, `E_NOT_DIR` */
  list(path: ByteString): Iterable<NamedNode>;
}

/** A layer of {@linkcode Files}. */
export interface FilesLayer {
  readonly diffId: DiffId;
  readonly tree: Tree;
}

/** The files of an image, of a snapshot as it is now, or of a layer. Disposing it closes what was opened. */
export interface Files extends AsyncDisposable {
  readonly kind: "image" | "snapshot" | "layer";
  /** The name as it was typed. */
  readonly name: string;
  /** Looks up a few paths. For an image, this does not make the tree. */
  readonly view: FilesView;
  /** The tree: a root tree, or the layer tree of a layer. */
  tree(): Promise<Tree>;
  /**
   * The root tree without what was added last: of a snapshot that of its parent, of an image that of the layers below
   * the topmost one, of a layer an empty one.
   */
  before(): Promise<Tree>;
  /** The layers, lowest first. Of a snapshot, only if it was opened with its contents. */
  layers(): Promise<readonly FilesLayer[]>;
  /** Path of the tar of a layer that holds contents. @throws {VarveError} `E_DAMAGE` */
  tarOf(source: DiffId): string;
  /** Reads the contents of files of {@linkcode tree} and {@linkcode view}. */
  readonly contents: TreeContents;
}

/**
 * Opens the files that a name stands for: a source (`oci-archive:app.tar`), else the key of a snapshot, else an image,
 * else a layer by its diffID, by the digest of its blob, or by a unique prefix of one.
 *
 * @param options the options of the verb, with `PLATFORM_OPTION`
 * @param what what the verb reads. To read contents of a snapshot or its layers, its changes are copied first.
 * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE`, `E_PLATFORM`
 */
export async function openFiles(
  context: Context,
  name: string,
  options: Options,
  what: "tree" | "contents" = "contents",
): Promise<Files> {
  if (isSource(name)) {
    const { store, image } = await openAnyImage(context, name, options);
    return await imageFiles(store, name, image);
  }
  const store = await context.store();
  if (isSnapshot(store, name)) {
    return what === "tree" ? await snapshotTree(context, name) : await snapshotFiles(context, name);
  }
  try {
    return await imageFiles(store, name, await openImage(store, name, options));
  } catch (error) {
    if (!isVarveError(error, "E_NOT_FOUND")) throw error;
    const layer = findLayer(store, name);
    if (layer === undefined) throw error;
    return await layerFiles(store, name, layer);
  }
}

async function imageFiles(store: DiskStore, name: string, image: StoredImage): Promise<Files> {
  let tree: Promise<Tree> | undefined;
  return files("image", name, await imageView(store, image), openerOf(store), {
    tree: () => tree ??= imageTree(store, image),
    tarOf: (source) => store.directories.layerTar(source),
    before: () => imageTree(store, { ...image, layers: image.layers.slice(0, -1) }),
    layers: () =>
      Promise.all(
        image.layers.map(async ({ diffId }) => ({ diffId, tree: await store.layers.tree(diffId) })),
      ),
  });
}

async function snapshotFiles(context: Context, key: string): Promise<Files> {
  // An image or a layer is read without this module.
  const { filesOfSnapshot } = await import("./snapshots.ts");
  const snapshot = await filesOfSnapshot(context, key);
  const { tree, layers, open, before, tarOf } = snapshot;
  return files("snapshot", key, treeView(tree), open, {
    tree: () => Promise.resolve(tree),
    before,
    tarOf,
    layers: () => Promise.resolve(layers),
  }, snapshot);
}

/** A snapshot without the contents of its own files. */
async function snapshotTree(context: Context, key: string): Promise<Files> {
  const { treesOfSnapshot } = await import("./snapshots.ts");
  const { before, after } = await treesOfSnapshot(context, key);
  return files("snapshot", key, treeView(after), openerOf(await context.store()), {
    tree: () => Promise.resolve(after),
    before: () => Promise.resolve(before),
    tarOf: withoutContents,
    layers: withoutContents,
  });
}

function withoutContents(): never {
  throw new TypeError("The snapshot was opened without its contents");
}

async function layerFiles(store: DiskStore, name: string, diffId: DiffId): Promise<Files> {
  const tree = await store.layers.tree(diffId);
  return files("layer", name, treeView(tree), openerOf(store), {
    tree: () => Promise.resolve(tree),
    tarOf: (source) => store.directories.layerTar(source),
    before: () => Promise.resolve(emptyTree("root")),
    layers: () => Promise.resolve([{ diffId, tree }]),
  });
}

function files(
  kind: Files["kind"],
  name: string,
  view: FilesView,
  open: ConstructorParameters<typeof TreeContents>[0],
  rest: Pick<Files, "tree" | "before" | "layers" | "tarOf">,
  held?: AsyncDisposable,
): Files {
  const contents = new TreeContents(open);
  return {
    kind,
    name,
    view,
    ...rest,
    contents,
    async [Symbol.asyncDispose](): Promise<void> {
      contents[Symbol.dispose]();
      await held?.[Symbol.asyncDispose]();
    },
  };
}

function openerOf({ layers }: DiskStore): ConstructorParameters<typeof TreeContents>[0] {
  return (source) => layers.reader(source);
}

/** Looks up paths in a tree. */
export function treeView(tree: Tree): FilesView {
  return {
    resolve: (path, options) => resolve(tree, path, options),
    list: (path) => list(tree, path),
  };
}

/**
 * The layer that a text names; `undefined` when none does.
 *
 * @throws {VarveError} `E_USAGE` when it is a prefix of several
 */
function findLayer({ layers }: DiskStore, text: string): DiffId | undefined {
  const [, algorithm, hex] = /^(?:(sha256|sha512):)?([0-9a-f]{4,128})$/.exec(text) ?? [];
  if (hex === undefined) return undefined;
  const isMeant = (digest: string) => digest.startsWith(`${algorithm ?? "sha256"}:${hex}`);
  const found = layers.list().map(({ diffId }) => diffId).filter((diffId) =>
    isMeant(diffId) || layers.blobsOf(diffId).some(isMeant)
  );
  if (found.length > 1) {
    throw new VarveError(
      "E_USAGE",
      `Cannot read ${text}: it begins the digests of several layers`,
      {
        subject: text,
        hint: "give more digits",
      },
    );
  }
  return found[0];
}

/** A path in {@linkcode Files}. `path` has no symbolic links left. */
export interface Target extends AsyncDisposable {
  readonly files: Files;
  readonly path: ByteString;
  /** The path as it was asked for. */
  readonly asked: ByteString;
  readonly node: Node;
}

/**
 * Opens `REF:/PATH` and looks the path up. Symbolic links on the way are followed inside the image.
 *
 * @param followLast whether to follow the path itself when it is a symbolic link
 * @param options the options of the verb, with `PLATFORM_OPTION`
 * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE`, `E_PLATFORM`
 */
export async function openPath(
  context: Context,
  argument: string,
  followLast: boolean,
  options: Options,
  what: "tree" | "contents" = "contents",
): Promise<Target> {
  const { reference, path } = splitReferencePath(argument);
  await using stack = new AsyncDisposableStack();
  const files = stack.use(await openFiles(context, reference, options, what));
  const found = findPath(files.view, path, followLast);
  if (found === undefined) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot find ${escapeForTerminal(path)} in ${reference}: there is no such path`,
      { subject: escapeForTerminal(path) },
    );
  }
  const held = stack.move();
  return { files, asked: path, ...found, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Looks up a path. `undefined` when it does not exist, or a part before the last is not a directory. */
export function findPath(
  view: FilesView,
  path: ByteString,
  followLast: boolean,
): Resolved | undefined {
  try {
    return view.resolve(path, { followLast });
  } catch (error) {
    if (isVarveError(error, "E_NOT_DIR")) return undefined;
    throw error;
  }
}

/** Absolute path of a directory, with a slash at its end. */
export function slashed(path: ByteString): string {
  const clean = trimmed(path);
  return clean === "" ? "/" : `/${clean}/`;
}

/** A path without slashes at its ends. */
export function trimmed(path: ByteString): ByteString {
  return path.replace(/^\/+|\/+$/g, "") as ByteString;
}

/** The part of a path after its last slash. */
export function lastName(path: ByteString): ByteString {
  return trimmed(path).slice(trimmed(path).lastIndexOf("/") + 1) as ByteString;
}

/** Name of the file or directory, as it was asked for; `undefined` for the root, and for what is in one (`/etc/.`). */
export function nameOfTarget({ asked }: Target): ByteString | undefined {
  const name = lastName(asked);
  return ["", ".", ".."].includes(name) ? undefined : name;
}

/** Refuses to copy a whiteout of a layer. @throws {VarveError} `E_USAGE` */
export function refuseWhiteout({ node }: Target, argument: string): void {
  if (node.type !== "whiteout") return;
  throw new VarveError("E_USAGE", `Cannot copy ${argument}: it is a whiteout`);
}
