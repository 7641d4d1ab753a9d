import { VarveError } from "../errors.ts";
import type { LoadedImage } from "../image/mod.ts";
import type { Context } from "./context.ts";

/**
 * Composes images that were loaded or pulled, if the setting `compose.eager` is on and the driver is `erofs`. For an
 * image that does not fit into EROFS, there is a warning, and its first mount extracts it instead.
 */
export async function composeEagerly(
  context: Context,
  images: readonly LoadedImage[],
): Promise<void> {
  if (!await composes(context, false)) return;
  const { composeChain } = await import("../compose/internal.ts");
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
  const { boundCaches } = await import("../snapshot/internal.ts");
  await boundCaches(store, context.signal);
}

/**
 * Returns a function that prepares the pool for composing. Call it while the download leaves the pool idle. It does
 * nothing if the image will be neither mounted at once nor composed eagerly.
 */
export async function composeWarmUp(
  context: Context,
  isMounted: boolean,
): Promise<() => void> {
  if (!await composes(context, isMounted)) return () => {};
  const { warmUpCompose } = await import("../compose/internal.ts");
  const pool = await context.pool();
  return () => warmUpCompose(pool);
}

async function composes(context: Context, isMounted: boolean): Promise<boolean> {
  const { settings } = await context.store();
  if (!isMounted && settings.get("compose.eager") !== "on") return false;
  return (await context.snapshotter()).driver === "erofs";
}
