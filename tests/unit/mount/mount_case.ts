/** What the tests of `mountImage` begin with: an image of two layers, for each driver. */
import { mountImage, unmountImage } from "../../../lib/mount/mod.ts";
import { detachedOf } from "../../../lib/snapshot/internal.ts";
import type { StoredImage } from "../../../lib/store/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import {
  bringImage,
  DRIVER_NAMES,
  type SnapshotFixture,
  snapshotFixture,
} from "../../support/snapshots/snapshot_fixture.ts";
import { settled } from "../../support/snapshots/settled.ts";

/** A fixture with its image, and what the tests ask of it. */
export interface MountCase extends Omit<SnapshotFixture, "mount"> {
  readonly image: StoredImage;
  /** Makes a directory to mount at. */
  target(name: string): string;
  mount(target: string, key?: string): ReturnType<typeof mountImage>;
  unmount(target: string): ReturnType<typeof unmountImage>;
  /** Leases and snapshots that are not layers, without the leases of what a container of another test copied. */
  records(): string[];
}

/** Registers a test for each driver, over an image of two layers. */
export function mountTest(name: string, fn: (one: MountCase) => Promise<void>): void {
  for (const driver of DRIVER_NAMES) {
    Deno.test({
      name: `${driver}: ${name}`,
      ...needs({ root: true, mount: true }),
      async fn() {
        await using fixture = await snapshotFixture(driver);
        const { store, pool, snapshotter, temp } = fixture;
        const image = await bringImage(store, pool, "example.org/a:1", [
          [{ name: "a", content: "lower" }, { name: "gone" }],
          [{ name: "b", content: "upper" }, { name: ".wh.gone" }],
        ]);
        await fn({
          ...fixture,
          image,
          target: (name) => {
            Deno.mkdirSync(temp.join(name));
            return temp.join(name);
          },
          mount: (target, key) => mountImage(store, image, target, { snapshotter, key }),
          unmount: async (target) => {
            const unmounted = await unmountImage(store, target, { snapshotter });
            if (unmounted.inUse) await settled(store);
            return unmounted;
          },
          records: () => [
            ...store.leases.list().filter((lease) => detachedOf(lease) === undefined)
              .map(({ id }) => `lease ${id}`),
            ...snapshotter.walk().filter(({ diffId }) => diffId === null)
              .map(({ kind, key }) => `${kind} ${key}`),
          ],
        });
      },
    });
  }
}
