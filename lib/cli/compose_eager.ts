import type { LoadedImage } from "../archive/mod.ts";
import type { Context } from "./context.ts";

/** Composes images that came in, where the setting `compose.eager` says so and the driver composes. */
export async function composeEagerly(
  context: Context,
  images: readonly LoadedImage[],
): Promise<void> {
  const store = await context.store();
  if (store.settings.get("compose.eager") !== "on") return;
  if ((await context.snapshotter()).driver !== "erofs") return;
  const { composeChain } = await import("../snapshot/mod.ts");
  const pool = await context.pool();
  for (const { layers } of images) {
    const diffIds = layers.map(({ diffId }) => diffId);
    if (diffIds.length > 0) await composeChain({ store, pool, diffIds, signal: context.signal });
  }
}
