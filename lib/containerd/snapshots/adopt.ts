/**
 * "Already exists": containerd asks for a snapshot in order to unpack a layer that the store holds already. Then nothing
 * is fetched and nothing is applied.
 *
 * In Prepare, the label `containerd.io/snapshot.ref` names the chain that the snapshot is to become. If varve makes a
 * committed snapshot of that chain and answers "already exists", containerd looks for a committed snapshot with that label
 * and the same parent, and goes on with the next layer (`createSnapshot` in containerd's `metadata/snapshot.go`).
 */
import { type ChainId, type DiffId, type Digest, isDigest, sha256Hex } from "../../digest/mod.ts";
import { isVarveError } from "../../errors.ts";
import { chainIds } from "../../layer/mod.ts";
import { ancestors, createLayer, keptLabels } from "../../snapshot/internal.ts";
import { microseconds, SNAPSHOT_FILES, SNAPSHOT_REF_LABEL } from "../../store/internal.ts";
import type { DiskStore, SnapshotTable } from "../../store/mod.ts";

/**
 * When a chain of the store is adopted: `cri` for pulls of Kubernetes, `all` for every client that names the chain, `off`
 * never. containerd then has no blobs of such layers, so it cannot export the image, nor push it to a registry that lacks
 * them.
 */
export type AdoptMode = "cri" | "all" | "off";

/** What Prepare asks for. */
export interface AdoptRequest {
  /** Name of the parent among containerd's snapshots; `null` for none. */
  readonly parent: string | null;
  /** Labels of the new snapshot. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Labels of Kubernetes' pulls. */
const CRI = "containerd.io/snapshot/cri.";
/** Digest of the blob of the layer. */
const LAYER_LABEL = `${CRI}layer-digest`;
/** DiffID of the layer. */
const DIFF_ID_LABEL = "containerd.io/snapshot/diff-id";

/** Names of adopted snapshots. containerd's own names begin with a namespace, which has no colon. */
const NAME = "adopted:";

/**
 * Makes the committed snapshot of the chain that a Prepare names, if the store holds the chain: all its layers, verified.
 * Idempotent. All namespaces share the snapshot.
 *
 * @returns whether there is such a snapshot now. The caller then answers "already exists"
 */
export async function adoptChain(
  store: DiskStore,
  request: AdoptRequest,
  mode: AdoptMode,
): Promise<boolean> {
  const { labels } = request;
  const chainId = labels[SNAPSHOT_REF_LABEL];
  if (mode === "off" || !isDigest(chainId)) return false;
  if (mode === "cri" && !Object.keys(labels).some((label) => label.startsWith(CRI))) return false;
  const snapshots = store.snapshots.in("containerd");
  const adoption = { store, request, chainId: chainId as ChainId };
  // Most chains are not there: look without keeping other writers out.
  const found = snapshots.read((table) => {
    const diffId = heldLayer(adoption, table);
    return diffId === undefined ? undefined : { diffId, isThere: hasSnapshot(adoption, table) };
  });
  if (found === undefined || found.isThere) return found !== undefined;
  return await makeSnapshot(adoption, found.diffId);
}

interface Adoption {
  readonly store: DiskStore;
  readonly request: AdoptRequest;
  readonly chainId: ChainId;
}

/** The topmost layer of the chain, if the store holds all layers of the chain. */
function heldLayer(
  { store, request, chainId }: Adoption,
  table: Omit<SnapshotTable, "put" | "delete">,
): DiffId | undefined {
  const { parent, labels } = request;
  if (parent !== null && table.get(parent)?.kind !== "committed") return undefined;
  const below: DiffId[] = [];
  for (const ancestor of ancestors(table, parent).toReversed()) {
    if (ancestor.kind !== "layer") return undefined;
    below.push(ancestor.diffId);
  }
  // The hash in the chainID proves which layer it is, whoever names it.
  const top = candidates(store, table, chainId, labels).find((diffId) =>
    chainIds([...below, diffId]).at(-1) === chainId
  );
  if (top === undefined || ![...below, top].every((diffId) => isHeld(store, diffId))) {
    return undefined;
  }
  return top;
}

/** Layers that may be the topmost one: as the chain's row, another snapshot of the chain, or the labels say. */
function candidates(
  { chains, layers }: DiskStore,
  table: Pick<SnapshotTable, "byRef">,
  chainId: ChainId,
  labels: Readonly<Record<string, string>>,
): DiffId[] {
  const digests = [labels[DIFF_ID_LABEL], labels[LAYER_LABEL]].filter(isDigest) as Digest[];
  return [
    chains.get(chainId)?.diffId,
    ...table.byRef(chainId).map(({ diffId }) => diffId ?? undefined),
    ...digests.map((digest) =>
      layers.get(digest as DiffId)?.diffId ?? layers.byBlob(digest)?.diffId
    ),
  ].filter((diffId) => diffId !== undefined);
}

/** Whether the store holds a layer whole and verified. */
function isHeld({ directories, layers }: DiskStore, diffId: DiffId): boolean {
  if ((layers.get(diffId)?.verifiedAt ?? 0) === 0) return false;
  try {
    directories.layerTar(diffId);
    directories.layerTree(diffId);
    return true;
  } catch (error) {
    if (isVarveError(error, "E_DAMAGE") || isVarveError(error, "E_NOT_FOUND")) return false;
    throw error;
  }
}

/** Whether there is a committed snapshot of the chain that containerd would find. */
function hasSnapshot(
  { request, chainId }: Adoption,
  table: Pick<SnapshotTable, "byRef">,
): boolean {
  return table.byRef(chainId).some(({ kind, parent }) =>
    kind === "committed" && parent === request.parent
  );
}

/** Makes the directory with the marker, then the row. Returns whether there is such a snapshot in the end. */
async function makeSnapshot(adoption: Adoption, diffId: DiffId): Promise<boolean> {
  const { store, request: { parent }, chainId } = adoption;
  const labels = keptLabels(adoption.request.labels);
  const { directories } = store;
  const key = `${NAME}${chainId}:${sha256Hex(new TextEncoder().encode(parent ?? ""))}`;
  const now = microseconds();
  const { cacheId, path } = await directories.createSnapshot({
    ...{ scope: "containerd", key, use: "committed", parent, diffId, labels },
    ...{ createdAt: now, updatedAt: now },
  });
  let isMade = false;
  try {
    await Deno.mkdir(`${path}/${SNAPSHOT_FILES.files}`);
    return await directories.finishSnapshot(
      cacheId,
      () =>
        store.snapshots.in("containerd").transact((table) => {
          // Another call may have made it, or a layer may be gone.
          if (heldLayer(adoption, table) !== diffId) return false;
          if (hasSnapshot(adoption, table)) return true;
          const { size = 0, entries = 0 } = store.layers.get(diffId) ?? {};
          const usage = { size, inodes: entries };
          const row = { name: key, parent, diffId, cacheId, labels, usage, now };
          isMade = createLayer(table, row).cacheId === cacheId;
          return true;
        }),
    );
  } finally {
    if (!isMade) await directories.removeSnapshot(cacheId);
  }
}
