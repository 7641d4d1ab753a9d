/** An image as containerd unpacks it, through the services of a fixture. */
import { chainIds } from "../../../lib/layer/mod.ts";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { applyRequest, callOf, type DiffFixture } from "./diff_fixture.ts";

/** Media type of an uncompressed layer. */
const TAR = "application/vnd.oci.image.layer.v1.tar";

/**
 * Unpacks layers (lowest first) as containerd does: Prepare with an unpack key, Apply, Commit.
 *
 * @returns the names of the committed snapshots, lowest first
 */
export async function applyImage(
  { content, service, snapshotter }: DiffFixture,
  tars: readonly Uint8Array[],
  namespace = "default",
): Promise<string[]> {
  const names: string[] = [];
  const diffIds: DiffId[] = [];
  for (const [i, tar] of tars.entries()) {
    const blob = await content.add(tar, {}, namespace);
    const parent = names.at(-1) ?? null;
    const key = `${namespace}/${2 * i + 1}/extract-${i}-x ${blob.digest}`;
    const mounts = await snapshotter.prepare(key, parent, { extract: true });
    const request = applyRequest(blob, mounts, { mediaType: TAR });
    const { applied } = await service.apply(request, callOf());
    diffIds.push(applied!.digest as DiffId);
    const name = `${namespace}/${2 * i + 2}/${chainIds(diffIds).at(-1)}`;
    await snapshotter.commit(name, key, { labels: { layer: `${i}` } });
    names.push(name);
  }
  return names;
}
