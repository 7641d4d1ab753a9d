import type { Store } from "../../store/mod.ts";
import type { PlatformChoice } from "../../store/mod.ts";
import type { ImageSource } from "../contract.ts";
import { ingestDocuments } from "./document_ingest.ts";
import { ingestImages, type IngestOptions } from "../image_ingest.ts";
import type { LoadedImage } from "../loaded_image.ts";
import { oneImage } from "./one_image.ts";
import type { Pool } from "../../pool/mod.ts";

/** Options of {@linkcode readSource}. */
export interface ReadSourceOptions
  extends Omit<IngestOptions, "platform" | "host">, PlatformChoice {
  readonly pool: Pool;
  readonly signal: AbortSignal;
  /** Whether only the documents are read: manifest and config. */
  readonly onlyDocuments?: boolean | undefined;
}

/** An image that was read. */
export interface ReadImage {
  /** A name of it in the store that it was read into. */
  readonly name: string;
  /** What was read of its layers; `null` when only the documents were read. */
  readonly loaded: LoadedImage | null;
}

/**
 * Reads the one image of a source into a store that holds nothing else, such as a temporary one. All that is read is
 * verified.
 *
 * @throws {VarveError} `E_USAGE` the source holds several images · as `ingestImages`
 */
export async function readSource(
  store: Store,
  source: ImageSource,
  options: ReadSourceOptions,
): Promise<ReadImage> {
  const { platform, host, onlyDocuments = false } = options;
  const one = oneImage(source, { platform, host });
  if (onlyDocuments) return { name: await ingestDocuments(store, one, options), loaded: null };
  const [loaded] = await ingestImages(store, one, { ...options, platform: undefined });
  if (loaded === undefined) throw new Error("a source of one image gave none");
  return { name: loaded.names[0] as string, loaded };
}
