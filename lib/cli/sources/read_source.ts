/** Reads images from archives, OCI layouts and registries. */
import { readArchive } from "../../archive/internal.ts";
import { type ReadImage, readSource, sourceOf } from "../../image/internal.ts";
import { registryOrigin } from "../../registry/mod.ts";
import { documentLimits, type Store, type StoredImage } from "../../store/mod.ts";
import { parseArchiveSource } from "../archive_source.ts";
import type { Context } from "../context.ts";
import { openImage, platformChoice } from "../images.ts";
import { inflaterOf } from "../options.ts";
import { registryClient, remoteReference } from "../registry.ts";
import { layerProgress, warnOfLayers } from "../report_images.ts";
import { loadSettings } from "../settings.ts";
import type { Options } from "../verb.ts";
import { adoptSettings } from "./adopt_settings.ts";
import { isPlainHttp } from "./plain_http.ts";

/** The transport of a registry. */
const REGISTRY = "docker://";

/**
 * Reads an image from a source into a store that holds nothing else.
 *
 * @param onlyDocuments whether only manifest and config are read
 */
export async function readInto(
  context: Context,
  store: Store,
  source: string,
  options: Options,
  onlyDocuments: boolean,
): Promise<StoredImage> {
  await adoptSettings(context, store);
  const { policy, limits, streamLimits } = loadSettings(store);
  const reading = {
    pool: await context.pool(),
    policy,
    limits,
    streamLimits,
    documents: documentLimits(store),
    inflater: inflaterOf(context.options, store),
    signal: context.signal,
    ...platformChoice(options),
    onlyDocuments,
    onProgress: layerProgress(context),
    onWarning: (message: string) => context.warn(message),
  };
  const { name, loaded } = source.startsWith(REGISTRY)
    ? await readRegistry(context, store, source.slice(REGISTRY.length), reading, options)
    : await readFile(store, source, reading);
  if (loaded !== null) warnOfLayers(context, [loaded]);
  return await openImage(store, name, options);
}

type Reading = Omit<Parameters<typeof readArchive>[2], "verb" | "image" | "form">;

async function readFile(store: Store, source: string, reading: Reading): Promise<ReadImage> {
  const { path, image, form } = parseArchiveSource(source);
  return await readArchive(store, path, { ...reading, verb: "load", image, form });
}

async function readRegistry(
  context: Context,
  store: Store,
  reference: string,
  reading: Reading,
  options: Options,
): Promise<ReadImage> {
  const name = remoteReference(reference, "read");
  using client = await registryClient(context, name, { plainHttp: isPlainHttp(options) });
  const source = sourceOf(registryOrigin(store, client, reference));
  return await readSource(store, source, { ...reading, verb: "pull" });
}
