import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { Descriptor } from "../oci/mod.ts";
import { documentLimits, type ImageRecord, type Store } from "../store/mod.ts";
import { Documents, type Summary } from "./documents.ts";
import { type RepositoryName, rowName } from "./names.ts";
import type { ManifestKey } from "./routes.ts";

/** A row of the store as a registry sees it. */
export interface CatalogRow {
  readonly record: ImageRecord;
  /** The tag; a row without one keeps a manifest under its digest. */
  readonly tag: string | undefined;
}

/** The image names of a store, as repositories with tags and digests. */
export class Catalog {
  readonly documents: Documents;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    this.documents = new Documents(store);
  }

  /** The names of all repositories that have one on the wire, sorted. */
  repositories(): string[] {
    const names = new Set<string>();
    for (const { name } of this.#store.images.list()) {
      const wire = rowName(name)?.name;
      if (wire !== undefined) names.add(wire);
    }
    return [...names].sort();
  }

  /** The rows of a repository, sorted by tag; none: there is no such repository. */
  rows({ full }: RepositoryName): CatalogRow[] {
    const rows: CatalogRow[] = [];
    for (const record of this.#store.images.list()) {
      // Most are of others: a name is read only where it can be one of these.
      if (!record.name.startsWith(full)) continue;
      const name = rowName(record.name);
      if (name?.full === full) rows.push({ record, tag: name.tag });
    }
    return rows;
  }

  /** What a tag or a digest names: a row's target, or a manifest of an index that a row names. */
  async find(repository: RepositoryName, key: ManifestKey): Promise<Summary | undefined> {
    if ("tag" in key) {
      const record = this.#store.images.get(`${repository.full}:${key.tag}`);
      return record === undefined ? undefined : await this.#target(record);
    }
    const rows = this.rows(repository);
    const row = rows.find(({ record }) => record.target.digest === key.digest);
    if (row !== undefined) return await this.#target(row.record);
    for (const { record } of rows) {
      for await (const { descriptor } of this.below(record.target)) {
        if (descriptor.digest === key.digest) return await this.documents.get(key);
      }
    }
    return undefined;
  }

  /** What a row names, which must be here. @throws {VarveError} `E_DAMAGE` */
  async #target({ name, target: { digest } }: ImageRecord): Promise<Summary> {
    const summary = await this.documents.get({ digest });
    if (summary !== undefined) return summary;
    throw new VarveError("E_DAMAGE", `Cannot read the manifest of ${name}: it is damaged or gone`, {
      subject: digest,
    });
  }

  /** Whether an index of the repository names a manifest. */
  async isChild(repository: RepositoryName, digest: Digest): Promise<boolean> {
    for (const { record } of this.rows(repository)) {
      for await (const { descriptor } of this.below(record.target)) {
        if (descriptor.digest === digest && record.target.digest !== digest) return true;
      }
    }
    return false;
  }

  /** All that refers to a manifest, in the order of digests. */
  async referrers(repository: RepositoryName, subject: Digest): Promise<Summary[]> {
    const found = new Map<Digest, Summary>();
    for (const { record } of this.rows(repository)) {
      for await (const summary of this.below(record.target)) {
        if (summary.subject === subject) found.set(summary.descriptor.digest, summary);
      }
    }
    return [...found.values()].sort((a, b) => a.descriptor.digest < b.descriptor.digest ? -1 : 1);
  }

  /** The name of an image of the store that has a blob as its part. */
  async ownerOf(digest: Digest): Promise<string | undefined> {
    for (const { name, target } of this.#store.images.list()) {
      for await (const { descriptor, parts } of this.below(target)) {
        if (descriptor.digest === digest || parts.some((part) => part.digest === digest)) {
          return name;
        }
      }
    }
    return undefined;
  }

  /** Those of some digests that are no manifests here: no image of the store is or names one. */
  async strangers(digests: Iterable<Digest>): Promise<Set<Digest>> {
    const left = new Set(digests);
    for (const { target } of this.#store.images.list()) {
      if (left.size === 0) break;
      for await (const { descriptor } of this.below(target)) left.delete(descriptor.digest);
    }
    return left;
  }

  /** A document and all that it names, each once, as far as they are here. */
  async *below(target: Pick<Descriptor, "digest">): AsyncGenerator<Summary> {
    const { manifests } = documentLimits(this.#store);
    const seen = new Set<Digest>([target.digest]);
    const queue = [target];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const summary = await this.documents.get(next);
      if (summary === undefined) continue;
      yield summary;
      for (const child of summary.children) {
        if (seen.has(child.digest) || seen.size > manifests) continue;
        seen.add(child.digest);
        queue.push(child);
      }
    }
  }
}
