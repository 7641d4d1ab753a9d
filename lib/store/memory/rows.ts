import type { ChainId, DiffId, Digest } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { chainId as chainIdOf } from "../../layer/mod.ts";
import type { Descriptor } from "../../oci/mod.ts";
import { diffIdsOfChain } from "../chain_walk.ts";
import type { Chains, Images, Leases, NameOptions, Settings, SpareOptions } from "../contract.ts";
import type { ChainRecord, ImageRecord, Lease } from "../records.ts";
import {
  checkImageName,
  checkName,
  checkPrevious,
  keptTarget,
  namelessImage,
  notFound,
  replacedName,
} from "../rules.ts";
import { type MemoryState, sortedBy } from "./state.ts";

/** The chains of a memory store. */
export class MemoryChains implements Chains {
  readonly #state: MemoryState;

  /** Reads and changes the store's state. */
  constructor(state: MemoryState) {
    this.#state = state;
  }

  get(chainId: ChainId): ChainRecord | undefined {
    return this.#state.chains.get(chainId);
  }

  diffIds(chainId: ChainId): DiffId[] {
    return diffIdsOfChain(chainId, (id) => this.get(id));
  }

  ensure(diffIds: readonly DiffId[]): ChainId {
    if (diffIds.length === 0) throw new RangeError("Cannot note a chain: it has no layers");
    for (const diffId of diffIds) {
      if (!this.#state.layers.has(diffId)) {
        throw new VarveError(
          "E_PRECONDITION",
          `Cannot note a chain: the store does not hold layer ${diffId}`,
          {
            subject: diffId,
          },
        );
      }
    }
    let parent: ChainId | null = null;
    for (const diffId of diffIds) {
      const chainId: ChainId = chainIdOf(parent, diffId);
      if (!this.#state.chains.has(chainId)) {
        this.#state.chains.set(chainId, { chainId, diffId, parent, cacheId: null });
      }
      parent = chainId;
    }
    return parent as ChainId;
  }

  list(): ChainRecord[] {
    return sortedBy(this.#state.chains.values(), (c) => c.chainId);
  }
}

/** The image names of a memory store. */
export class MemoryImages implements Images {
  readonly #state: MemoryState;

  /** Reads and changes the store's state. */
  constructor(state: MemoryState) {
    this.#state = state;
  }

  get(name: string): ImageRecord | undefined {
    return this.#state.images.get(name);
  }

  set(name: string, target: Descriptor, options: NameOptions = {}): ImageRecord {
    const { spare = false, platform, replaces = false } = options;
    checkImageName(name);
    if (!this.#state.blobs.has(target.digest as Digest)) throw notFound("blob", target.digest);
    const now = Date.now();
    const before = this.get(name);
    checkPrevious(name, before?.target.digest, options);
    const record: ImageRecord = {
      name,
      target: keptTarget(target),
      createdAt: before?.createdAt ?? now,
      updatedAt: now,
      platform: platform && structuredClone(platform),
      spare: spare && (before?.spare ?? before === undefined) ? true : undefined,
    };
    this.#state.images.set(name, record);
    const nameless = replacedName(name, target.digest, spare);
    if (nameless !== undefined) this.#state.images.delete(nameless);
    if (before !== undefined && !replaces) this.#keepReplaced(before, now);
    return record;
  }

  /** Keeps the image that lost its last name as `<none>@<digest>`. A spare name kept nothing for a user. */
  #keepReplaced(before: ImageRecord, now: number): void {
    const { digest } = before.target;
    if (before.spare === true || this.list().some(({ target }) => target.digest === digest)) return;
    const name = namelessImage(digest);
    this.#state.images.set(name, { ...before, name, updatedAt: now });
  }

  remove(name: string): void {
    if (this.removeAll([name]).length === 0) throw notFound("image", name);
  }

  removeAll(names: readonly string[], { spare = false }: SpareOptions = {}): string[] {
    const { images } = this.#state;
    return names.filter((name) => (!spare || images.get(name)?.spare) && images.delete(name));
  }

  list(): ImageRecord[] {
    return sortedBy(this.#state.images.values(), (i) => i.name);
  }

  candidates(): ImageRecord[] {
    return this.list();
  }
}

/** The leases of a memory store. */
export class MemoryLeases implements Leases {
  readonly #state: MemoryState;

  /** Reads and changes the store's state. */
  constructor(state: MemoryState) {
    this.#state = state;
  }

  create(lease: Lease): void {
    checkName("lease", lease.id);
    if (this.#state.leases.has(lease.id)) {
      throw new VarveError(
        "E_EXISTS",
        `Cannot create lease ${JSON.stringify(lease.id)}: it exists`,
      );
    }
    this.#state.leases.set(lease.id, structuredClone(lease));
  }

  get(id: string): Lease | undefined {
    return this.#state.leases.get(id);
  }

  remove(id: string): void {
    if (!this.#state.leases.delete(id)) throw notFound("lease", id);
  }

  list(): Lease[] {
    return sortedBy(this.#state.leases.values(), (l) => l.id);
  }
}

/** The settings of a memory store. */
export class MemorySettings implements Settings {
  readonly #state: MemoryState;

  /** Reads and changes the store's state. */
  constructor(state: MemoryState) {
    this.#state = state;
  }

  get(key: string): string | undefined {
    return this.#state.settings.get(key);
  }

  set(key: string, value: string | undefined): void {
    checkName("setting", key);
    if (value === undefined) this.#state.settings.delete(key);
    else this.#state.settings.set(key, value);
  }

  list(): Record<string, string> {
    const out = Object.create(null) as Record<string, string>;
    for (const [key, value] of sortedBy(this.#state.settings, ([key]) => key)) out[key] = value;
    return out;
  }
}
