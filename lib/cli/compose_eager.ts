import type { LoadedImage } from "../archive/mod.ts";
import { VarveError } from "../errors.ts";
import type { Context } from "./context.ts";

/**
 * Composes images that came in, where the setting `compose.eager` says so and the driver composes.
 * One that EROFS cannot hold came in all the same: its first mount extracts it.
 */
export async function composeEagerly(
  context: Context,
  images: readonly LoadedImage[],
): Promise<void> {
  if (!await isEager(context)) return;
  const { composeChain } = await import("../snapshot/mod.ts");
  const [store, pool] = [await context.store(), await context.pool()];
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

/** What gets ready for {@linkcode composeEagerly} while there is nothing better to do; nothing where that does nothing. */
export async function eagerWarmUp(context: Context): Promise<() => void> {
  if (!await isEager(context)) return () => {};
  const { warmUpCompose } = await import("../snapshot/mod.ts");
  const pool = await context.pool();
  return () => warmUpCompose(pool);
}

async function isEager(context: Context): Promise<boolean> {
  const { settings } = await context.store();
  if (settings.get("compose.eager") !== "on") return false;
  return (await context.snapshotter()).driver === "erofs";
}
