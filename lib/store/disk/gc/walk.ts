import type { ChainId, DiffId, Digest } from "../../../digest/mod.ts";
import { chainId as chainIdOf } from "../../../layer/mod.ts";
import type { Thing } from "../../garbage.ts";
import { blobRow, layerRowOfBlob, namedLayerRow } from "../content.ts";
import type { SnapshotScope } from "../../records.ts";
import { snapshotThing } from "../../snapshot_scope.ts";
import type { Disk } from "../context.ts";
import type { ChainRow } from "../database/records.ts";
import { isDocument, namedParts } from "./documents.ts";
import type { MarkSet } from "./mark_set.ts";
import { Snapshots } from "./snapshot_roots.ts";

/** Follows things of a store to the things that they need. */
export class Walk {
  readonly #disk: Disk;
  readonly #marks: MarkSet;
  readonly #snapshots: Snapshots;
  /** Blobs that something names as a document, whatever media type their rows have. */
  readonly #documents = new Set<Digest>();
  /** Documents that were read. */
  readonly #read = new Set<Digest>();

  /** Follows into `marks`. */
  constructor(disk: Disk, marks: MarkSet, snapshots: Snapshots = new Snapshots(disk.db)) {
    this.#disk = disk;
    this.#marks = marks;
    this.#snapshots = snapshots;
  }

  /** Follows everything that was reached and not followed yet, one thing for each step. */
  *follow(): Generator<void> {
    for (let thing = this.#marks.take(); thing !== undefined; thing = this.#marks.take()) {
      this.#follow(thing);
      yield;
    }
  }

  #follow(thing: Thing): void {
    const at = thing.indexOf(":");
    const name = thing.slice(at + 1);
    switch (thing.slice(0, at)) {
      case "image":
        return this.#image(thing, name);
      case "snapshot":
        return this.#snapshot(thing, "", name);
      case "containerd-snapshot":
        return this.#snapshot(thing, "containerd", name);
      case "blob":
        return this.#blob(thing, name as Digest);
      case "chain":
        return this.#chain(thing, name as ChainId);
    }
  }

  #image(thing: Thing, name: string): void {
    const row = this.#disk.db.get<{ digest: string }>(
      "SELECT digest FROM image WHERE name = ?",
      name,
    );
    if (row === undefined) return;
    const digest = row.digest as Digest;
    if (blobRow(this.#disk, digest) === undefined) this.#marks.cannotRead(digest);
    this.#reachDocument(digest, thing, "the document that it names");
  }

  #reachDocument(digest: Digest, from: Thing, why: string): void {
    const thing: Thing = `blob:${digest}`;
    this.#documents.add(digest);
    // It may have been followed as a blob that names nothing.
    if (this.#marks.keeps(thing)) this.#document(thing, digest);
    else this.#marks.reach(thing, from, why);
  }

  #blob(thing: Thing, digest: Digest): void {
    const isNamed = this.#documents.has(digest);
    if (isNamed || isDocument(blobRow(this.#disk, digest)?.media_type ?? "")) {
      this.#document(thing, digest);
    }
  }

  #document(thing: Thing, digest: Digest): void {
    if (this.#read.has(digest)) return;
    this.#read.add(digest);
    const parts = namedParts(this.#disk, digest);
    if (parts === undefined) return;
    if (parts === "unreadable") return this.#marks.cannotRead(digest);
    if (parts.kind === "index") {
      for (const child of parts.manifests) {
        if (isDocument(child.mediaType)) {
          this.#reachDocument(child.digest, thing, "a manifest of it");
        } else this.#marks.reach(`blob:${child.digest}`, thing, "a part of it");
      }
      return;
    }
    const { config, layers, diffIds, isConfigUnreadable } = parts;
    if (isConfigUnreadable) this.#marks.cannotRead(config.digest);
    this.#marks.reach(`blob:${config.digest}`, thing, "the config of it");
    let chain: ChainId | null = null;
    for (let i = 0; i < Math.max(layers.length, diffIds.length); i++) {
      const blob = layers[i]?.digest, named = diffIds[i];
      const why = `layer ${i + 1} of it`;
      if (blob !== undefined) this.#marks.reach(`blob:${blob}`, thing, why);
      const row = named !== undefined
        ? namedLayerRow(this.#disk, named)
        : layerRowOfBlob(this.#disk, blob as Digest);
      const diffId = (row?.diff_id ?? named) as DiffId | undefined;
      if (diffId === undefined) continue;
      this.#marks.reach(`layer:${diffId}`, thing, why);
      if (named === undefined) continue;
      chain = chainIdOf(chain, diffId);
      this.#marks.reach(`chain:${chain}`, thing, `the chain of its first ${i + 1} layers`);
    }
  }

  #chain(thing: Thing, chainId: ChainId): void {
    const row = this.#disk.db.get<ChainRow>("SELECT * FROM chain WHERE chain_id = ?", chainId);
    if (row === undefined) return;
    const { diff_id: diffId, parent_chain_id: parent } = row;
    this.#marks.reach(`layer:${diffId as DiffId}`, thing, "the topmost layer of it");
    if (parent !== null) {
      this.#marks.reach(`chain:${parent as ChainId}`, thing, "the chain below it");
    }
  }

  #snapshot(thing: Thing, scope: SnapshotScope, key: string): void {
    const row = this.#snapshots.get(scope, key);
    if (row === undefined) return;
    if (row.parent !== null) {
      this.#marks.reach(snapshotThing({ scope, key: row.parent }), thing, "the parent of it");
    }
    if (row.diffId !== null) this.#marks.reach(`layer:${row.diffId}`, thing, "the layer of it");
    const chain = this.#snapshots.chainOf(scope, row.kind === "committed" ? key : row.parent);
    if (chain !== null) this.#marks.reach(`chain:${chain}`, thing, "the chain of its layers");
    if (row.manifest !== null) {
      this.#reachDocument(row.manifest, thing, "the manifest of its image");
    }
  }
}
