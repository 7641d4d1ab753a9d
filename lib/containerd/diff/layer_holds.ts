import type { DiffId } from "../../digest/mod.ts";
import { isVarveError } from "../../errors.ts";
import type { Store } from "../../store/mod.ts";

/**
 * Milliseconds for which a lease keeps a layer until a snapshot has it. It is long enough for the rest of a pull, because
 * siblings of a layer are made before anybody asks for them.
 */
const LEASE_MS = 10 * 60 * 1000;

interface Hold {
  /** Id of the lease. */
  readonly id: string;
  readonly expiresAt: number;
}

/** Keeps new layers from gc until a snapshot has them. */
export class LayerHolds {
  readonly #store: Pick<Store, "leases">;
  readonly #holds = new Map<DiffId, Hold>();

  constructor(store: Pick<Store, "leases">) {
    this.#store = store;
  }

  /** Keeps a layer for some minutes. The time begins again for one that is kept already. */
  begin(diffId: DiffId): void {
    const createdAt = Date.now();
    const hold = {
      id: `containerd-layer-${crypto.randomUUID()}`,
      expiresAt: createdAt + LEASE_MS,
    };
    this.#store.leases.create({ ...hold, createdAt, labels: {}, resources: [`layer:${diffId}`] });
    this.end(diffId);
    // Leases of layers that nobody asked for end by themselves.
    for (const [diffId, { expiresAt }] of this.#holds) {
      if (expiresAt < createdAt) this.#holds.delete(diffId);
    }
    this.#holds.set(diffId, hold);
  }

  /** Keeps a layer no longer: a snapshot has it, or it was not made. Idempotent. */
  end(diffId: DiffId): void {
    const hold = this.#holds.get(diffId);
    if (hold === undefined) return;
    this.#holds.delete(diffId);
    try {
      this.#store.leases.remove(hold.id);
    } catch (error) {
      if (!isVarveError(error, "E_NOT_FOUND")) throw error;
    }
  }
}
