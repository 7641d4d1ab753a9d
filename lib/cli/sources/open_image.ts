/** Opens images of the store, and images that are not in it: in archives, OCI layouts and registries. */
import {
  type DiskStore,
  openMemoryStore,
  openStore,
  type Store,
  type StoredImage,
} from "../../store/mod.ts";
import type { Context } from "../context.ts";
import { openImage } from "../images.ts";
import type { Options } from "../verb.ts";
import { isSource } from "./is_source.ts";

/** An image with the store that holds it. */
export interface OpenedImage<S extends Store> {
  readonly store: S;
  readonly image: StoredImage;
}

/**
 * Opens an image of the store, or reads one from a source, with its layers: into a store in a temporary directory, which
 * is removed when the verb ends. All is verified as by a load or a pull.
 *
 * @throws {VarveError} as `openImage`, `loadImages`, `pullImage`
 */
export async function openAnyImage(
  context: Context,
  argument: string,
  options: Options,
): Promise<OpenedImage<DiskStore>> {
  if (!isSource(argument)) {
    const store = await context.store();
    return { store, image: await openImage(store, argument, options) };
  }
  const known = opened.get(context) ?? new Map<string, Promise<OpenedImage<DiskStore>>>();
  opened.set(context, known);
  const image = known.get(argument) ?? readSource(context, argument, options);
  known.set(argument, image);
  return await image;
}

/** The sources that a command has read: each is read once. */
const opened = new WeakMap<Context, Map<string, Promise<OpenedImage<DiskStore>>>>();

async function readSource(
  context: Context,
  source: string,
  options: Options,
): Promise<OpenedImage<DiskStore>> {
  // An image of the store is read without this module.
  const [{ readInto }, { sourceDirectory }] = await Promise.all([
    import("./read_source.ts"),
    import("./source_directory.ts"),
  ]);
  const { path: root } = context.use(await sourceDirectory());
  const store = context.use(await openStore({ root, durability: "none" }));
  return { store, image: await readInto(context, store, source, options, false) };
}

/**
 * As {@linkcode openAnyImage}, but of a source only manifest and config are read, into a store in memory.
 *
 * @throws {VarveError} as {@linkcode openAnyImage}
 */
export async function openDocuments(
  context: Context,
  argument: string,
  options: Options,
): Promise<OpenedImage<Store>> {
  if (!isSource(argument)) return await openAnyImage(context, argument, options);
  const { readInto } = await import("./read_source.ts");
  const store = context.use(openMemoryStore());
  return { store, image: await readInto(context, store, argument, options, true) };
}
