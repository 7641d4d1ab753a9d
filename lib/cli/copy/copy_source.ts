/** Opens the images that are copied. */
import { isReadInPlace, planLayout } from "../../archive/internal.ts";
import { VarveError } from "../../errors.ts";
import { formatReference, type Reference, tryParseReference } from "../../oci/mod.ts";
import { loadCopies } from "../../registry/internal.ts";
import type { Context } from "../context.ts";
import { registryClient } from "../registry.ts";
import { ownDocumentLimits } from "../sources/adopt_settings.ts";
import { isPlainHttp } from "../sources/plain_http.ts";
import type { CopyReading, CopySource } from "./contract.ts";
import type { Place } from "./place.ts";

/**
 * Opens a place to copy from. The context closes what is opened.
 *
 * @throws {VarveError} `E_USAGE` what is compressed cannot be compressed again
 */
export async function copySource(
  context: Context,
  place: Place,
  reading: CopyReading,
): Promise<CopySource> {
  const { platforms, compression } = reading;
  const warn = (message: string) => context.warn(message);
  const through = async () => await import("./through_store.ts");
  if (place.kind === "store") {
    const { planOfStore } = await through();
    return {
      async open() {
        const store = await context.store();
        return await planOfStore(context, { store, reference: place.name }, reading);
      },
    };
  }
  const isStreamed = place.kind === "registry" ||
    place.kind !== "docker-archive" && await isReadInPlace(place.path);
  if (isStreamed && compression !== undefined) {
    throw new VarveError(
      "E_USAGE",
      `Cannot compress what is copied from ${place.text}: it is copied byte for byte`,
      { subject: place.text, hint: "copy it to store: first" },
    );
  }
  if (place.kind === "registry") return await remoteSource(context, place.reference, reading);
  const { path, name } = place;
  return {
    async open() {
      if (!isStreamed) return await (await through()).planThroughStore(context, place, reading);
      const image = await planLayout(path, {
        limits: await ownDocumentLimits(context),
        signal: context.signal,
        warn,
        distributable: { warn },
        platforms,
        image: name,
      });
      return { ...image, name: image.names[0] ?? nameIn(name) };
    },
  };
}

/** The full name that a name in a layout is, if it is more than a tag. */
function nameIn(name: string | undefined): string | undefined {
  const isFull = name !== undefined && /[:/]/.test(name) && tryParseReference(name) !== undefined;
  return isFull ? name : undefined;
}

async function remoteSource(
  context: Context,
  reference: Reference,
  { platforms, options }: CopyReading,
): Promise<CopySource> {
  const { signal } = context;
  const client = await registryClient(context, reference, { plainHttp: isPlainHttp(options) });
  context.use({ [Symbol.asyncDispose]: () => Promise.resolve(client[Symbol.dispose]()) });
  const { registry, repository } = reference;
  const { planRemote } = await loadCopies();
  return {
    async open(tag) {
      const wanted = tag === undefined ? reference : { registry, repository, tag };
      const image = await planRemote({ client, reference: wanted }, {
        platforms,
        ociLimits: await ownDocumentLimits(context),
        signal,
        onWarning: (message) => context.warn(message),
      });
      return { ...image, name: formatReference(wanted), repository: wanted };
    },
    tags: async () => await client.tags(repository, signal),
    digest: async (tag) => await client.manifestDigest({ repository, tag }, signal),
  };
}
