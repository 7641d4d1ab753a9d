import type { Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { Descriptor } from "../oci/mod.ts";
import { documentLimits, type ImageRecord, type Store } from "../store/mod.ts";
import { DocumentReader, type DocumentSummary } from "./document_summary.ts";
import { parseImageName, type RepositoryName } from "./repository_name.ts";
import type { ManifestKey } from "./routes.ts";

/** An image name of the store as an entry of a repository. */
export interface CatalogEntry {
  readonly record: ImageRecord;
  /** The tag; `undefined` for a name that keeps a manifest under its digest. */
  readonly tag: string | undefined;
}

/** The image names of a store, seen as repositories with tags and digests. */
export class Catalog {
  readonly #store: Store;
  readonly #documents: DocumentReader;

  constructor(store: Store) {
    this.#store = store;
    this.#documents = new DocumentReader(store);
  }

  /** The names of all repositories that clients can reach, sorted. */
  repositories(): string[] {
    const names = new Set<string>();
    for (const { name } of this.#store.images.list()) {
      const wire = parseImageName(name)?.name;
      if (wire !== undefined) names.add(wire);
    }
    return [...names].sort();
  }

  /** The entries of a repository, sorted by tag. A repository without entries does not exist. */
  entries({ full }: RepositoryName): CatalogEntry[] {
    const entries: CatalogEntry[] = [];
    for (const record of this.#store.images.list()) {
      // Cheap test first: most names belong to other repositories, and parsing is slow.
      if (!record.name.startsWith(full)) continue;
      const name = parseImageName(record.name);
      if (name?.full === full) entries.push({ record, tag: name.tag });
    }
    return entries;
  }

  /**
   * The document under a tag or a digest: the target of an entry, or a document below such a
   * target.
   */
  async find(
    repository: RepositoryName,
    key: ManifestKey,
  ): Promise<DocumentSummary | undefined> {
    if ("tag" in key) {
      const record = this.#store.images.get(`${repository.full}:${key.tag}`);
      return record === undefined ? undefined : await this.#target(record);
    }
    const entries = this.entries(repository);
    const entry = entries.find(({ record }) => record.target.digest === key.digest);
    if (entry !== undefined) return await this.#target(entry.record);
    for (const { record } of entries) {
      for await (const { descriptor } of this.walk(record.target)) {
        if (descriptor.digest === key.digest) return await this.#documents.get(key);
      }
    }
    return undefined;
  }

  /** The target of an image name. @throws {VarveError} `E_DAMAGE` when it is not in the store */
  async #target({ name, target: { digest } }: ImageRecord): Promise<DocumentSummary> {
    const summary = await this.#documents.get({ digest });
    if (summary !== undefined) return summary;
    throw new VarveError("E_DAMAGE", `Cannot read the manifest of ${name}: it is damaged or gone`, {
      subject: digest,
    });
  }

  /** Whether an index of the repository names a manifest. */
  async isChild(repository: RepositoryName, digest: Digest): Promise<boolean> {
    for (const { record } of this.entries(repository)) {
      for await (const { descriptor } of this.walk(record.target)) {
        if (descriptor.digest === digest && record.target.digest !== digest) return true;
      }
    }
    return false;
  }

  /** The documents of a repository that refer to a manifest, sorted by digest. */
  async referrers(repository: RepositoryName, subject: Digest): Promise<DocumentSummary[]> {
    const found = new Map<Digest, DocumentSummary>();
    for (const { record } of this.entries(repository)) {
      for await (const summary of this.walk(record.target)) {
        if (summary.subject === subject) found.set(summary.descriptor.digest, summary);
      }
    }
    return [...found.values()].sort((a, b) => a.descriptor.digest < b.descriptor.digest ? -1 : 1);
  }

  /** The name of an image in the store that contains a blob; `undefined` when no image does. */
  async ownerOf(digest: Digest): Promise<string | undefined> {
    for (const { name, target } of this.#store.images.list()) {
      for await (const { descriptor, parts } of this.walk(target)) {
        if (descriptor.digest === digest || parts.some((part) => part.digest === digest)) {
          return name;
        }
      }
    }
    return undefined;
  }

  /**
   * Filters digests: returns those that are not the digest of a manifest or index of any image in
   * the store.
   */
  async unknownDocuments(digests: Iterable<Digest>): Promise<Set<Digest>> {
    const unknown = new Set(digests);
    for (const { target } of this.#store.images.list()) {
      if (unknown.size === 0) break;
      for await (const { descriptor } of this.walk(target)) unknown.delete(descriptor.digest);
    }
    return unknown;
  }

  /**
   * The number of nested indexes from a document down to its deepest manifest; 0 for a manifest and
   * for a document that is not in the store.
   */
  async indexDepth(
    target: Pick<Descriptor, "digest">,
    known: Map<Digest, number> = new Map(),
  ): Promise<number> {
    let depth = known.get(target.digest);
    if (depth !== undefined) return depth;
    depth = 0;
    const { children = [] } = await this.#documents.get(target) ?? {};
    for (const child of children) {
      depth = Math.max(depth, 1 + await this.indexDepth(child, known));
    }
    known.set(target.digest, depth);
    return depth;
  }

  /**
   * Walks a document and all documents below it, each once. Skips documents that are not in the
   * store.
   */
  async *walk(target: Pick<Descriptor, "digest">): AsyncGenerator<DocumentSummary> {
    const { manifests } = documentLimits(this.#store);
    const seen = new Set<Digest>([target.digest]);
    const queue = [target];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const summary = await this.#documents.get(next);
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
