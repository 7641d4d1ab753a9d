/**
 * The names in `ingest/`:
 *
 *     <owner>/                what one open store has staged, and its intents (see `Intent`)
 *     <owner>.lock            locked while that store is open
 *     <digest>.lock           locked while the layer of this diffID or blob is made
 *     <digest>.part           kept bytes of a blob
 *     <digest>.ready          says where the files of a finished, uncommitted layer are
 *     <id>.<directory>.lock   locked while a directory of a layer or a chain is made
 *     sha256:<digit>.marker.lock    locked while markers of layers and chains are replaced
 *     snapshot-<cache-id>.lock  locked while the marker and the row of a snapshot are replaced
 *     gc.lock                 locked while a process collects garbage
 *     index.lock index.json oci-layout    while these files of `content/` are replaced
 *
 * An owner is 16 hexadecimal digits; an id is a diffID or a chainID.
 *
 * @module
 */
import type { ChainId, DiffId, Digest } from "../../digest/mod.ts";
import { LAYOUT_FILES, MARKER } from "./names.ts";
import type { Paths } from "./paths.ts";

const LOCK = ".lock";
const KEPT = ".part";
const OFFER = ".ready";

const OWNER = /^[0-9a-f]{16}$/;
const DIGEST = /^sha(?:256|512):[0-9a-f]+$/;
const MAKER_LOCK = /^(?:sha(?:256|512):[0-9a-f]+(?:\.[a-z0-9-]+)?|snapshot-[1-9][0-9]*)\.lock$/;

/** Whether a text is the id of an owner. */
export function isOwnerId(text: string): boolean {
  return OWNER.test(text);
}

/** The directory in which an owner stages. */
export function ownerDirectory({ ingest }: Paths, owner: string): string {
  return `${ingest}/${owner}`;
}

/** The lock that an owner holds while it is open. */
export function ownerLock(paths: Paths, owner: string): string {
  return `${ownerDirectory(paths, owner)}${LOCK}`;
}

/** The lock that is held while the layer of a diffID or blob is made. */
export function layerLock({ ingest }: Paths, digest: Digest): string {
  return `${ingest}/${digest}${LOCK}`;
}

/** The lock that is held while a directory of a layer or a chain is made. */
export function directoryLock({ ingest }: Paths, id: DiffId | ChainId, name: string): string {
  return `${ingest}/${id}.${name}${LOCK}`;
}

/** The lock that is held while the marker and the row of a snapshot are replaced. */
export function snapshotLock({ ingest }: Paths, cacheId: number): string {
  return `${ingest}/snapshot-${cacheId}${LOCK}`;
}

/**
 * What an owner is doing to the directory of a snapshot:
 *
 * - `made`: it makes the directory, and the row is not written yet;
 * - `marker`: it replaces the marker, and the row does not say the same yet;
 * - `removed`: it removes the row, then the directory.
 */
export type Intent = "made" | "marker" | "removed";

/**
 * The file in the directory of an owner that shows an {@linkcode Intent}. After a crash, it shows
 * what was not finished.
 */
export function intentPath(paths: Paths, owner: string, cacheId: number, intent: Intent): string {
  return `${ownerDirectory(paths, owner)}/${cacheId}.${intent}`;
}

/** Whether a name in the directory of an owner is that of an intent. */
export function isIntent(name: string): boolean {
  return /^[1-9][0-9]{0,14}\.(?:made|marker|removed)$/.test(name);
}

/** The cache ids of the snapshots with a kind of intent. `names` are those in an owner's directory. */
export function intentsIn(names: readonly string[], intent: Intent): number[] {
  const ids = names.map((name) => withoutEnd(name, `.${intent}`));
  return ids.filter((id) => id !== undefined && /^[1-9][0-9]{0,14}$/.test(id)).map(Number);
}

/**
 * The lock that is held while the marker of a layer or a chain is replaced. All whose ids have the same first digit
 * share it, so that a commit of 500 layers holds 16 locks and not 500 open files.
 */
export function markerLock({ ingest }: Paths, id: DiffId | ChainId): string {
  return `${ingest}/${id.slice(0, id.indexOf(":") + 2)}.${MARKER}${LOCK}`;
}

/** The kept bytes of a blob. */
export function keptPath({ ingest }: Paths, digest: Digest): string {
  return `${ingest}/${digest}${KEPT}`;
}

/** Where a finished layer is offered to other ingests, by its diffID or its blob. */
export function offerPath({ ingest }: Paths, digest: Digest): string {
  return `${ingest}/${digest}${OFFER}`;
}

/** The lock that is held while a process collects garbage. */
export function collectorLock({ ingest }: Paths): string {
  return `${ingest}/gc${LOCK}`;
}

/** The lock that is held while `content/index.json` is replaced. */
export function indexLock({ ingest }: Paths): string {
  return `${ingest}/index${LOCK}`;
}

/** Where a new `index.json` or `oci-layout` is written before it is renamed into `content/`. */
export function newLayoutFile({ ingest }: Paths, name: keyof typeof LAYOUT_FILES): string {
  return `${ingest}/${LAYOUT_FILES[name]}`;
}

/** The owners that have a directory or a lock in `ingest/`. */
export function ownersIn(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => withoutEnd(name, LOCK) ?? name).filter(isOwnerId))];
}

/** The digests of blobs whose bytes are kept. */
export function keptIn(names: readonly string[]): Digest[] {
  return digestsIn(names, KEPT);
}

/** The digests under which finished layers are offered. */
export function offersIn(names: readonly string[]): Digest[] {
  return digestsIn(names, OFFER);
}

/**
 * The names of the locks of layers, directories and markers that are being made, or whose maker
 * died.
 */
export function makerLocksIn(names: readonly string[]): string[] {
  return names.filter((name) => MAKER_LOCK.test(name));
}

function digestsIn(names: readonly string[], end: string): Digest[] {
  const digests = names.map((name) => withoutEnd(name, end));
  return digests.filter((text): text is Digest => text !== undefined && DIGEST.test(text));
}

function withoutEnd(name: string, end: string): string | undefined {
  return name.endsWith(end) ? name.slice(0, -end.length) : undefined;
}
