import { containerdConformance } from "../../conformance/snapshotter.ts";
import { DRIVER_NAMES, snapshotFixture } from "../../support/snapshots/snapshot_fixture.ts";

for (const name of DRIVER_NAMES) {
  containerdConformance(name, () => snapshotFixture(name, { scope: "containerd" }));
}
