import { type ChainId, type DiffId, type Digest, isDigest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { absolutePath } from "../../linux/mod.ts";
import { MOUNT_LABEL } from "../../snapshot/mod.ts";
import { findImageNames, type Store, type Thing } from "../../store/mod.ts";

/** A thing with its kind, as text. */
const THING = /^(image|snapshot|containerd-snapshot|lease|blob|layer|chain):(.+)$/s;
/** The beginning of a digest: 4 or more hexadecimal digits. */
const PREFIX = /^(?:(sha256|sha512):)?([0-9a-f]{4,128})$/;
/** Texts that read as a path. */
const PATH = /^\.{0,2}\//;

/**
 * Finds the things of a store that a user means: by the name of an image, the key of a snapshot, the id of a lease, the
 * directory of a mount, a digest or a unique prefix of one. A text may mean several things: a layer that is stored
 * uncompressed has the digest of its blob. A {@linkcode Thing} means itself.
 *
 * @param verb what is done with them, for messages
 * @throws {VarveError} `E_NOT_FOUND` the store has none · `E_USAGE` several digests begin with the text
 */
export async function findThings(
  store: Store,
  text: string,
  verb: "explain" | "protect",
): Promise<Thing[]> {
  for (
    const found of [named(store, text), await images(store, text), byDigest(store, text, verb)]
  ) {
    if (found.length > 0) return found;
  }
  const mounted = await atDirectory(store, text);
  if (mounted.length > 0) return mounted;
  throw new VarveError(
    "E_NOT_FOUND",
    `Cannot ${verb} ${JSON.stringify(text)}: the store has no such thing`,
    {
      subject: text,
      hint:
        "give a name or a digest, the key of a snapshot, the id of a lease or a mount directory",
    },
  );
}

/** What is named exactly: a thing with its kind, a lease, a snapshot, or an image by its full name. */
function named(store: Store, text: string): Thing[] {
  const [, kind, name = ""] = THING.exec(text) ?? [];
  if (kind !== undefined && has(store, kind, name)) return [text as Thing];
  const found: Thing[] = [];
  if (isDigest(text)) found.push(...ofDigest(store, text));
  if (has(store, "image", text)) found.push(`image:${text}`);
  if (has(store, "lease", text)) found.push(`lease:${text}`);
  // The committed snapshot of a chain has its digest, and stays with it.
  if (!has(store, "chain", text) && has(store, "snapshot", text)) found.push(`snapshot:${text}`);
  if (has(store, "containerd-snapshot", text)) found.push(`containerd-snapshot:${text}`);
  return found;
}

function has(store: Store, kind: string, name: string): boolean {
  switch (kind) {
    case "image":
      return store.images.get(name) !== undefined;
    case "lease":
      return store.leases.get(name) !== undefined;
    case "snapshot":
      return store.snapshots.read((table) => table.get(name)) !== undefined;
    case "containerd-snapshot":
      return store.snapshots.in("containerd").read((table) => table.get(name)) !== undefined;
    case "blob":
      return isDigest(name) && store.blobs.stat(name) !== undefined;
    case "layer":
      return isDigest(name) && store.layers.get(name as DiffId)?.diffId === name;
    default:
      return isDigest(name) && store.chains.get(name as ChainId) !== undefined;
  }
}

/** The blob, the layer and the chain that have a digest. */
function ofDigest(store: Store, digest: Digest): Thing[] {
  const found: Thing[] = [];
  if (store.blobs.stat(digest) !== undefined) found.push(`blob:${digest}`);
  // A blob that is not in the store may be the compressed form of a layer that is.
  const layer = store.layers.get(digest as DiffId) ??
    (found.length > 0 ? undefined : store.layers.byBlob(digest));
  if (layer !== undefined) found.push(`layer:${layer.diffId}`);
  if (store.chains.get(digest as ChainId) !== undefined) found.push(`chain:${digest as ChainId}`);
  return found;
}

/** Images by a name that is not complete, such as `app` or `app@sha256:…`. */
async function images(store: Store, text: string): Promise<Thing[]> {
  if (isDigest(text)) return [];
  try {
    const records = await findImageNames(store, PREFIX.test(text) ? `${text}:latest` : text);
    return records.map(({ name }): Thing => `image:${name}`);
  } catch (error) {
    if (error instanceof VarveError && /^E_(?:NOT_FOUND|USAGE|NAME)$/.test(error.code)) return [];
    throw error;
  }
}

/** @throws {VarveError} `E_USAGE` when several digests begin with the text */
function byDigest(store: Store, text: string, verb: string): Thing[] {
  const [, algorithm = "sha256", hex] = PREFIX.exec(text) ?? [];
  if (hex === undefined) return [];
  const digests = new Set<Digest>([
    ...store.blobs.list().map(({ digest }) => digest),
    ...store.layers.list().map(({ diffId }) => diffId),
    ...store.chains.list().map(({ chainId }) => chainId),
  ].filter((digest) => digest.startsWith(`${algorithm}:${hex}`)));
  if (digests.size > 1) {
    throw new VarveError(
      "E_USAGE",
      `Cannot ${verb} ${JSON.stringify(text)}: ${digests.size} digests begin with it`,
      { subject: text, hint: "give more digits" },
    );
  }
  return [...digests].flatMap((digest) => ofDigest(store, digest));
}

/** The lease of the mount at a directory. */
async function atDirectory(store: Store, text: string): Promise<Thing[]> {
  if (!PATH.test(text)) return [];
  const path = absolutePath(text);
  const real = await Deno.realPath(path).catch(() => path);
  return store.leases.list().filter(({ labels }) =>
    labels[MOUNT_LABEL] === path || labels[MOUNT_LABEL] === real
  ).map(({ id }): Thing => `lease:${id}`);
}
