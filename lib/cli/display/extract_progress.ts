import { formatBytes } from "../../bytes/mod.ts";
import type { ExtractProgress } from "../../snapshot/mod.ts";
import type { Progress, ProgressItem } from "./progress.ts";
import { shortDigest } from "./short.ts";

/** Smallest size in bytes of an extraction that is shown. Smaller ones end too soon. */
const SHOWN_FROM = 32_000_000;

/**
 * Shows the layers that a driver extracts for a mount or a container. `progress` is called when the first of them is
 * shown, not before.
 */
export function extractProgress(progress: () => Progress): (progress: ExtractProgress) => void {
  const items = new Map<string, ProgressItem>();
  return ({ diffIds, total, written, state }) => {
    if (total < SHOWN_FROM) return;
    const key = diffIds.join();
    let item = items.get(key);
    if (item === undefined) {
      const [first = ""] = diffIds;
      const label = diffIds.length === 1 ? shortDigest(first) : `${diffIds.length} layers`;
      item = progress().start(label, total);
      items.set(key, item);
    }
    if (state === "running") item.update(written);
    else item.done(`extracted, ${formatBytes(written)}`);
  };
}
