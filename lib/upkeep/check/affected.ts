import type { DiffId, Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { chainIds } from "../../layer/mod.ts";
import { parseDocument, parseImageConfig } from "../../oci/mod.ts";
import { CONTAINER_LABELS } from "../../container/internal.ts";
import { IMAGE_MANIFEST_LABEL } from "../../snapshot/mod.ts";
import type { StoreRows } from "../../store/internal.ts";
import { type DiskStore, documentLimits } from "../../store/mod.ts";
import type { Site } from "./damage.ts";
import { snapshotName } from "./snapshot_name.ts";

/** Deepest nesting of indexes, and longest chain of parents, that is followed. */
const MAX_DEPTH = 1024;

/** The path of a composed image in the directory of a chain. */
const COMPOSED = /^chains\/\d+\/erofs/;

/**
 * Finds out which images, containers and leases need a damaged thing.
 *
 * It reads the documents of all images. A document that is damaged is left out: then the images that it belongs to are
 * affected by the document itself.
 */
export class Affected {
  readonly #users = new Map<string, Set<string>>();
  readonly #store: DiskStore;
  readonly #rows: StoreRows;
  /** What each document that was read needs. */
  readonly #documents = new Map<string, Promise<ReadonlySet<string>>>();

  private constructor(store: DiskStore, rows: StoreRows) {
    this.#store = store;
    this.#rows = rows;
  }

  /** Reads which images, containers and leases need what. */
  static async of(store: DiskStore, rows: StoreRows): Promise<Affected> {
    const affected = new Affected(store, rows);
    for (const { name, digest } of rows.images) {
      affected.#add(`image ${name}`, await affected.#needs(digest, 0));
    }
    await affected.#addSnapshots();
    await affected.#addLeases();
    return affected;
  }

  /** What an image needs: digests of documents and blobs, and diffIDs. `digest` is that of its manifest or index. */
  static async needsOf(
    store: DiskStore,
    rows: StoreRows,
    digest: string,
  ): Promise<ReadonlySet<string>> {
    return await new Affected(store, rows).#needs(digest, 0);
  }

  /** The images, containers and leases that need what is at a site, sorted. */
  usersAt(site: Site): string[] {
    const users = new Set<string>();
    for (const key of keysOf(site, this.#rows)) {
      for (const user of this.#users.get(key) ?? []) users.add(user);
    }
    return [...users].sort();
  }

  #add(user: string, needs: Iterable<string>): void {
    for (const need of needs) {
      const users = this.#users.get(need);
      if (users === undefined) this.#users.set(need, new Set([user]));
      else users.add(user);
    }
  }

  async #addSnapshots(): Promise<void> {
    const byName = new Map(this.#rows.snapshots.map((row) => [snapshotName(row), row]));
    for (const row of this.#rows.snapshots) {
      if (row.kind === "committed") continue;
      const labels = labelsOf(row.labels);
      const kind = labels.has(CONTAINER_LABELS.image) ? "container" : "snapshot";
      const needs = new Set<string>();
      const manifest = labels.get(IMAGE_MANIFEST_LABEL);
      if (manifest !== undefined) {
        for (const need of await this.#needs(manifest, 0)) needs.add(need);
      }
      let at: typeof row | undefined = row;
      // Layers that lie directly on each other, from the topmost down: they are used as one chain.
      let run: DiffId[] = [];
      const endRun = () => {
        const chain = chainIds(run.toReversed()).at(-1);
        if (chain !== undefined) needs.add(`chain ${chain}`);
        run = [];
      };
      for (let depth = 0; at !== undefined && depth < MAX_DEPTH; depth++) {
        needs.add(`snapshot ${snapshotName(at)}`);
        if (at.diff_id === null) endRun();
        else {
          needs.add(at.diff_id);
          run.push(at.diff_id as DiffId);
        }
        const { scope, parent }: typeof row = at;
        at = parent === null ? undefined : byName.get(snapshotName({ scope, key: parent }));
      }
      endRun();
      this.#add(`${kind} ${snapshotName(row)}`, needs);
    }
  }

  /** What leases keep that a user made. Mounts and containers have snapshots. */
  async #addLeases(): Promise<void> {
    const now = Date.now();
    for (const { id, expires_at: expires, labels, resources } of this.#rows.leases) {
      if (expires !== null && expires <= now) continue;
      if ([...labelsOf(labels).keys()].some((label) => label.startsWith("varve."))) continue;
      for (const resource of namesOf(resources)) {
        const at = resource.indexOf(":");
        const [kind, name] = [resource.slice(0, at), resource.slice(at + 1)];
        const needs = kind === "blob" ? await this.#needs(name, 0) : kind === "layer" ? [name] : [];
        this.#add(`lease ${id}`, needs);
      }
    }
  }

  /** The digests and diffIDs that a document needs, with its own. */
  #needs(digest: string, depth: number): Promise<ReadonlySet<string>> {
    const known = this.#documents.get(digest);
    if (known !== undefined) return known;
    const needs = this.#read(digest, depth);
    this.#documents.set(digest, needs);
    return needs;
  }

  async #read(digest: string, depth: number): Promise<ReadonlySet<string>> {
    const needs = new Set([digest]);
    const { blobs } = this.#store;
    const row = blobs.stat(digest as Digest);
    const limits = documentLimits(this.#store);
    if (row === undefined || depth > limits.indexDepth) return needs;
    try {
      const bytes = await blobs.read(row.digest, Math.max(limits.manifest, limits.index));
      const document = parseDocument(bytes, { mediaType: row.mediaType, limits });
      if (document.kind === "index") {
        for (const child of document.manifests) {
          if (blobs.stat(child.digest) === undefined) continue;
          for (const need of await this.#needs(child.digest, depth + 1)) needs.add(need);
        }
        return needs;
      }
      needs.add(document.config.digest);
      for (const layer of document.layers) {
        needs.add(layer.digest);
        const { diffId } = this.#store.layers.byBlob(layer.digest) ?? {};
        if (diffId !== undefined) needs.add(diffId);
      }
      const config = await blobs.read(document.config.digest, limits.config);
      const diffIds = parseImageConfig(config, { limits }).diffIds.map((diffId) =>
        this.#store.layers.get(diffId as DiffId)?.diffId ?? diffId as DiffId
      );
      for (const diffId of diffIds) needs.add(diffId);
      const chain = chainIds(diffIds).at(-1);
      if (chain !== undefined) needs.add(`chain ${chain}`);
    } catch (error) {
      // The document is damaged, or it is no image. What was found so far counts.
      if (!(error instanceof VarveError)) throw error;
    }
    return needs;
  }
}

/** The digests, diffIDs and snapshots that are at a site. */
export function keysOf(site: Site, rows: StoreRows): string[] {
  switch (site.at) {
    case "blob":
    case "orphan-blob":
      return [site.digest];
    case "layer":
    case "proof":
      return [site.diffId];
    case "chain":
      return [site.image];
    case "derived":
      // Nothing that has other layers on top uses the image of a chain. It may use its directory.
      return site.chainId !== null && COMPOSED.test(site.path)
        ? [`chain ${site.chainId}`]
        : site.diffIds.slice(-1);
    case "snapshot":
      return [`snapshot ${site.key}`];
    case "marker":
    case "orphan": {
      if (site.home === "layers") {
        return rows.layers.filter((row) => row.cache_id === site.cacheId).map((row) => row.diff_id);
      }
      if (site.home === "snapshots") {
        return rows.snapshots.filter((row) => row.cache_id === site.cacheId)
          .map((row) => `snapshot ${snapshotName(row)}`);
      }
      return rows.chains.filter((row) => row.cache_id === site.cacheId).map((row) => row.diff_id);
    }
    case "row":
      if (site.table === "image") {
        return rows.images.filter((row) => row.name === site.key).map((row) => row.digest);
      }
      if (site.table === "snapshot") return [`snapshot ${site.key}`];
      if (site.table === "chain") {
        return rows.chains.filter((row) => row.chain_id === site.key).map((row) => row.diff_id);
      }
      return [site.key];
    default:
      return [];
  }
}

/** The texts in a list as JSON; none where it is damaged. */
function namesOf(json: string): string[] {
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

function labelsOf(json: string): Map<string, string> {
  if (json === "[]") return new Map();
  try {
    return new Map(JSON.parse(json));
  } catch {
    return new Map();
  }
}
