/**
 * What every driver promises, as a function of a factory.
 *
 * The cases follow the suite that containerd runs over every snapshotter.
 */
import type { DriverName } from "../../lib/snapshot/mod.ts";
import { needs } from "../support/machine/needs.ts";
import type { SnapshotFixture } from "../support/snapshots/snapshot_fixture.ts";
import { extractConformance } from "./snapshotter_extract.ts";
import { filesConformance } from "./snapshotter_files.ts";
import { layersConformance } from "./snapshotter_layers.ts";
import { rowsConformance } from "./snapshotter_rows.ts";

/** Makes a new, empty snapshotter. */
export type SnapshotterFactory = () => Promise<SnapshotFixture>;

/** Registers one test over a new, empty snapshotter. */
export type SnapshotterTest = (
  title: string,
  fn: (fixture: SnapshotFixture) => Promise<void>,
) => void;

/** Registers the tests of all promises. */
export function snapshotterConformance(driver: DriverName, factory: SnapshotterFactory): void {
  const test = testOver(`${driver} snapshotter`, factory);
  rowsConformance(test);
  filesConformance(test, driver);
  layersConformance(test, driver);
}

/** Registers the tests of the promises that containerd needs: of rows, and of layers that are applied. */
export function containerdConformance(driver: DriverName, factory: SnapshotterFactory): void {
  const test = testOver(`${driver} snapshotter of containerd`, factory);
  rowsConformance(test);
  extractConformance(test, driver);
}

function testOver(what: string, factory: SnapshotterFactory): SnapshotterTest {
  return (title, fn) => {
    Deno.test({
      name: `${what}: ${title}`,
      ...needs({ root: true, mount: true }),
      async fn() {
        await using fixture = await factory();
        await fn(fixture);
      },
    });
  };
}
