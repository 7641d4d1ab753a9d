/** Opens the places that images are copied to. */
import { type NameInArchive, writeArchive, writeLayout } from "../../archive/internal.ts";
import { VarveError } from "../../errors.ts";
import { ingestImages, plannedSource, targetOf } from "../../image/internal.ts";
import { formatReference, ociLimits, parseReference } from "../../oci/mod.ts";
import { loadCopies } from "../../registry/internal.ts";
import { hostPlatform } from "../../store/mod.ts";
import { namelessImage } from "../../store/internal.ts";
import type { Context } from "../context.ts";
import { inflaterOf } from "../options.ts";
import { registryClient } from "../registry.ts";
import { layerProgress, warnOfLayers } from "../report_images.ts";
import { loadSettings } from "../settings.ts";
import { ownDocumentLimits } from "../sources/adopt_settings.ts";
import { isPlainHttp } from "../sources/plain_http.ts";
import { pushProgressOf } from "../verbs/registry/push.ts";
import type { CopyDestination, CopySending } from "./contract.ts";
import { fullName, type Place } from "./place.ts";
import { watchedBlobs } from "./watched_blobs.ts";

/** Default number of blobs that are copied at the same time. */
const CONCURRENCY = 4;

/** Opens a place to copy to. The context closes what is opened. */
export async function copyDestination(
  context: Context,
  place: Place,
  sending: CopySending,
): Promise<CopyDestination> {
  if (place.kind === "registry") return await remoteDestination(context, place, sending);
  if (place.kind === "store") return await storeDestination(context, place, sending);
  return fileDestination(context, place, sending);
}

async function remoteDestination(
  context: Context,
  { reference }: Extract<Place, { kind: "registry" }>,
  { options, concurrency }: CopySending,
): Promise<CopyDestination> {
  const { signal } = context;
  const client = await registryClient(context, reference, { plainHttp: isPlainHttp(options) });
  context.use({ [Symbol.asyncDispose]: () => Promise.resolve(client[Symbol.dispose]()) });
  const { registry, repository } = reference;
  const { sendRemote } = await loadCopies();
  return {
    send: async (image, tag) => {
      const to = tag === undefined ? reference : { registry, repository, tag };
      return await sendRemote(image, image.repository, { client, reference: to }, {
        signal,
        concurrency,
        onProgress: pushProgressOf(context),
        onWarning: (message) => context.warn(message),
      });
    },
    find: async (tag) => ({
      name: formatReference({ registry, repository, tag }),
      digest: await client.manifestDigest({ repository, tag }, signal),
    }),
  };
}

async function storeDestination(
  context: Context,
  { name, text }: Extract<Place, { kind: "store" }>,
  { concurrency }: CopySending,
): Promise<CopyDestination> {
  const store = await context.store();
  return {
    async send(image, tag) {
      const full = fullName(tag === undefined ? name : `${name}:${tag}`);
      const source = plannedSource(text, [full], image);
      const blobs = image.plan.blobs.map(({ digest, size }) => {
        const isThere = store.blobs.stat(digest) !== undefined;
        return { digest, size, outcome: isThere ? "present" : "uploaded" } as const;
      });
      const { ociLimits: documents, ...settings } = loadSettings(store);
      const images = await ingestImages(store, source, {
        pool: await context.pool(),
        ...settings,
        documents: ociLimits(documents),
        inflater: inflaterOf(context.options, store),
        host: hostPlatform(),
        verb: "copy",
        concurrency,
        signal: context.signal,
        onProgress: layerProgress(context),
        onWarning: (message) => context.warn(message),
      });
      warnOfLayers(context, images);
      return { name: full, digest: targetOf(image.plan).digest, blobs };
    },
  };
}

function fileDestination(
  context: Context,
  { kind, path, name, text }: Exclude<Place, { kind: "registry" | "store" }>,
  { concurrency = CONCURRENCY }: CopySending,
): CopyDestination {
  const intact = new Set<string>();
  // Refuses a name that is none before anything is read.
  nameThere(kind, name, undefined);
  return {
    async send(image, tag) {
      const { digest } = targetOf(image.plan);
      const watched = watchedBlobs(image, pushProgressOf(context, "written"));
      const named = nameThere(kind, tag ?? name, image.name) ?? { name: namelessImage(digest) };
      const planned = { ...image, blobs: watched.blobs };
      const options = {
        durability: context.options.durability ?? "full",
        signal: context.signal,
        concurrency,
        intact,
        onWait: (message: string) => context.tellWait(message),
      };
      if (kind === "oci") await writeLayout(path, named, planned, options);
      else {
        const docker = kind === "docker-archive" ? await ownDocumentLimits(context) : undefined;
        await writeArchive(path, named, planned, { ...options, docker });
      }
      const shown = tag === undefined ? text : `${text}:${tag}`;
      return { name: shown, digest, blobs: watched.outcomes() };
    },
  };
}

/**
 * What an image is called in a layout or an archive.
 *
 * @param given the name that the user typed after the path
 * @param own the full name that the image has where it comes from
 */
function nameThere(
  kind: Place["kind"],
  given: string | undefined,
  own: string | undefined,
): NameInArchive | undefined {
  if (given === undefined) return own === undefined ? undefined : { name: own };
  if (kind === "docker-archive") return { name: fullName(given) };
  // A tag alone does not say of which repository it is.
  if (!/[:/]/.test(given)) return { name: "<none>@", tag: given };
  const reference = parseReference(given);
  return { name: formatReference(reference), tag: given };
}

/** Refuses a destination whose file is the source: it would be replaced by one of its images. */
export async function refuseSameFile(from: Place, to: Place): Promise<void> {
  if (!("path" in from) || !("path" in to) || to.kind === "oci") return;
  const [a, b] = await Promise.all(
    [from, to].map(({ path }) => Deno.stat(path).catch(() => undefined)),
  );
  if (a === undefined || a.ino !== b?.ino || a.dev !== b.dev) return;
  throw new VarveError("E_USAGE", `Cannot copy ${from.text} to ${to.text}: it is the same file`, {
    subject: to.text,
  });
}
