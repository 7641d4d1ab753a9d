import type { LoadedImage } from "../archive/mod.ts";
import { VarveError } from "../errors.ts";
import type { Store } from "../store/mod.ts";
import type { Context } from "./context.ts";

/**
 * Composes images that came in, where the setting `compose.eager` says so and the driver composes.
 * One that EROFS cannot hold came in all the same: its first mount extracts it.
 */
export async function composeEagerly(
  context: Context,
  images: readonly LoadedImage[],
): Promise<void> {
  const store = await context.store();
  if (!isEager(store)) return;
  if ((await context.snapshotter()).driver !== "erofs") return;
  const { composeChain } = await import("../snapshot/mod.ts");
  const pool = await context.pool();
  for (const { layers } of images) {
    const diffIds = layers.map(({ diffId }) => diffId);
    if (diffIds.length === 0) continue;
    try {
      await composeChain({ store, pool, diffIds, signal: context.signal });
    } catch (error) {
      if (!(error instanceof VarveError && error.code === "E_LIMIT")) throw error;
      context.warn(`${error.message}: its layers are extracted at the first mount`);
    }
  }
}

/** Gets ready for {@linkcode composeEagerly} while there is nothing better to do. */
export async function warmUpEagerly(context: Context): Promise<void> {
  if (!isEager(await context.store())) return;
  const { warmUpCompose } = await import("../snapshot/mod.ts");
  warmUpCompose(await context.pool());
}

function isEager(store: Store): boolean {
  return store.settings.get("compose.eager") === "on";
}
