import { type DiffId, type Digest, Verifier } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import { fileErrno } from "../../../linux/mod.ts";
import {
  type Descriptor,
  mediaTypeInfo,
  type OciLimits,
  parseDocument,
  parseImageConfig,
} from "../../../oci/mod.ts";
import { attempt } from "../../attempt.ts";
import { blobRow } from "../content.ts";
import type { Disk } from "../context.ts";
import type { BlobRow } from "../database/records.ts";
import type { Paths } from "../paths.ts";

/** What a document names. */
export type NamedParts =
  | { readonly kind: "index"; readonly manifests: readonly Descriptor[] }
  | {
    readonly kind: "manifest";
    readonly config: Descriptor;
    readonly layers: readonly Descriptor[];
    /** From the config, lowest first; empty when the manifest is no image, or the store does not have its config. */
    readonly diffIds: readonly DiffId[];
    /** Whether the store has the config, but it cannot be read. */
    readonly isConfigUnreadable: boolean;
  };

/**
 * Largest document that is read, in bytes. A store can have larger ones only if its limits were raised, and a document
 * that is not read counts as unreadable, so that nothing which it may name is removed.
 */
const LARGEST = 64 * 1024 * 1024;

/** The documents were checked against the user's limits when they came in. So no other limit applies here. */
export const LIMITS: Partial<OciLimits> = {
  manifest: LARGEST,
  index: LARGEST,
  config: LARGEST,
  manifests: Number.MAX_SAFE_INTEGER,
  layers: Number.MAX_SAFE_INTEGER,
  jsonDepth: 1024,
  jsonValues: Number.MAX_SAFE_INTEGER,
};

/** Whether a blob of this media type names other blobs. */
export function isDocument(mediaType: string): boolean {
  const role = mediaTypeInfo(mediaType)?.role;
  return role === "index" || role === "manifest";
}

/**
 * Reads what a manifest or an index of the store names, in one synchronous step, because a transaction may wait for it.
 *
 * @returns `undefined` when the store does not have the document, `"unreadable"` when it is damaged
 */
export function namedParts(
  disk: Disk,
  digest: Digest,
): NamedParts | "unreadable" | undefined {
  const bytes = readVerified(disk, digest);
  if (bytes === undefined || bytes === "unreadable") return bytes;
  try {
    const document = parseDocument(bytes, { limits: LIMITS });
    if (document.kind === "index") return { kind: "index", manifests: document.manifests };
    const { config, layers } = document;
    const read = readVerified(disk, config.digest);
    const isConfigUnreadable = read === "unreadable";
    const diffIds = read === undefined || read === "unreadable" ? [] : diffIdsIn(read);
    return { kind: "manifest", config, layers, diffIds, isConfigUnreadable };
  } catch (error) {
    if (error instanceof VarveError) return "unreadable";
    throw error;
  }
}

/** The diffIDs in a config. The config of an artifact has none. */
function diffIdsIn(bytes: Uint8Array): readonly DiffId[] {
  return attempt(() => parseImageConfig(bytes, { limits: LIMITS }).diffIds) ?? [];
}

function readVerified(disk: Disk, digest: Digest): Uint8Array | "unreadable" | undefined {
  const row: BlobRow | undefined = blobRow(disk, digest);
  return row === undefined ? undefined : readProved(disk.paths, { digest, size: row.size });
}

/** The bytes of a document, proved; `"unreadable"` when they are wrong or missing, or too many. */
export function readProved(
  paths: Paths,
  { digest, size }: { readonly digest: Digest; readonly size: number },
): Uint8Array | "unreadable" {
  if (size > LARGEST) return "unreadable";
  try {
    const bytes = Deno.readFileSync(paths.blob(digest));
    const verifier = new Verifier({ digest, size });
    verifier.update(bytes);
    verifier.finish();
    return bytes;
  } catch (error) {
    if (error instanceof VarveError || fileErrno(error) !== undefined) return "unreadable";
    throw error;
  }
}
