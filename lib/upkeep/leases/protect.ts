import { toHex } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Lease, Store, Thing } from "../../store/mod.ts";
import { findThings } from "../why/find_things.ts";

/** Options of {@linkcode protect}. */
export interface ProtectOptions {
  /** Id of the lease; a random one when absent. */
  readonly id?: string | undefined;
  /** When the lease ends, in ms since the epoch; absent for never. */
  readonly expiresAt?: number | undefined;
  /** Labels by key. Keys that begin with `varve.` are the program's own. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * Makes a lease, which keeps things from garbage collection until it is removed or expires. An image is kept also when
 * it loses its name.
 *
 * @param texts what a user types, as for `whyKept`; all that a text means is protected
 * @returns the lease
 * @throws {VarveError} `E_NOT_FOUND` the store does not have one of the things · `E_USAGE` several digests begin with
 * a text, or a label is the program's own · `E_EXISTS` the id is taken
 *
 * @example
 * ```ts
 * import { openStore, protect } from "@varve/varve";
 *
 * const root = await Deno.makeTempDir();
 * {
 *   await using store = await openStore({ root });
 *   const lease = await protect(store, [], { id: "build", expiresAt: Date.now() + 60_000 });
 *   if (lease.id !== "build") throw new Error("it has another id");
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function protect(
  store: Store,
  texts: readonly string[],
  options: ProtectOptions = {},
): Promise<Lease> {
  const { id = randomId(), expiresAt = null, labels = {} } = options;
  const own = Object.keys(labels).find((key) => key.startsWith("varve."));
  if (own !== undefined) {
    throw new VarveError(
      "E_USAGE",
      `Cannot set label ${JSON.stringify(own)}: varve uses it itself`,
    );
  }
  const resources = await resourcesOf(store, texts);
  const lease: Lease = { id, createdAt: Date.now(), expiresAt, labels, resources };
  store.leases.create(lease);
  try {
    // A collection may have removed one of them before the lease was there.
    const now = new Set(await resourcesOf(store, texts));
    if (resources.every((resource) => now.has(resource))) return lease;
    throw new VarveError("E_BUSY", "Cannot make a lease: what it protects was changed meanwhile", {
      hint: "try again",
    });
  } catch (error) {
    store.leases.remove(id);
    throw error;
  }
}

async function resourcesOf(store: Store, texts: readonly string[]): Promise<Thing[]> {
  const things = new Set<Thing>();
  for (const text of texts) {
    for (const thing of await findThings(store, text, "protect")) {
      things.add(thing);
      if (!thing.startsWith("image:")) continue;
      // The document keeps the image when the name is removed.
      const target = store.images.get(thing.slice("image:".length))?.target.digest;
      if (target !== undefined) things.add(`blob:${target}`);
    }
  }
  return [...things];
}

function randomId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}
