import { assertEquals } from "@std/assert";
import { type ChainId, sha256 } from "../../../lib/digest/mod.ts";
import {
  directoryLock,
  intentPath,
  intentsIn,
  keptIn,
  keptPath,
  layerLock,
  makerLocksIn,
  offerPath,
  offersIn,
  ownerDirectory,
  ownerLock,
  ownersIn,
  snapshotLock,
} from "../../../lib/store/disk/ingest_names.ts";
import { Paths } from "../../../lib/store/disk/paths.ts";
import "../../support/machine/needs.ts";

const PATHS = new Paths("/store");
const DIGEST = sha256(new Uint8Array());
const OWNER = "0123456789abcdef";

Deno.test("each name in ingest/ is recognised as its own kind only", () => {
  const owner = ownerDirectory(PATHS, OWNER);
  const made = {
    ownerLock: ownerLock(PATHS, OWNER),
    layerLock: layerLock(PATHS, DIGEST),
    directoryLock: directoryLock(PATHS, DIGEST as string as ChainId, "fs-skip"),
    kept: keptPath(PATHS, DIGEST),
    offer: offerPath(PATHS, DIGEST),
    snapshotLock: snapshotLock(PATHS, 7),
  };
  const base = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  const names = [owner, ...Object.values(made), "index.lock", "index.json", "oci-layout"].map(base);
  assertEquals(ownersIn(names), [OWNER]);
  assertEquals(keptIn(names), [DIGEST]);
  assertEquals(offersIn(names), [DIGEST]);
  const makers = [made.layerLock, made.directoryLock, made.snapshotLock];
  assertEquals(makerLocksIn(names), makers.map(base));
  assertEquals(
    intentsIn([base(intentPath(PATHS, OWNER, 7, "marker")), "7", "8.made", "0.marker"], "marker"),
    [7],
  );
});

Deno.test("the names in ingest/ are those of the on-disk format", () => {
  assertEquals(
    [
      ownerDirectory(PATHS, OWNER),
      ownerLock(PATHS, OWNER),
      layerLock(PATHS, DIGEST),
      directoryLock(PATHS, DIGEST as string as ChainId, "fs"),
      keptPath(PATHS, DIGEST),
      offerPath(PATHS, DIGEST),
      snapshotLock(PATHS, 7),
      intentPath(PATHS, OWNER, 7, "marker"),
    ],
    [
      `/store/ingest/${OWNER}`,
      `/store/ingest/${OWNER}.lock`,
      `/store/ingest/${DIGEST}.lock`,
      `/store/ingest/${DIGEST}.fs.lock`,
      `/store/ingest/${DIGEST}.part`,
      `/store/ingest/${DIGEST}.ready`,
      `/store/ingest/snapshot-7.lock`,
      `/store/ingest/${OWNER}/7.marker`,
    ],
  );
});

Deno.test("foreign names in ingest/ are left alone", () => {
  const names = [
    "x",
    "x.lock",
    "snapshot-.lock",
    "snapshot-7x.lock",
    "x.part",
    ".ready",
    `${DIGEST}`,
    `${OWNER}0.lock`,
    `${OWNER}.part`,
  ];
  assertEquals([ownersIn(names), keptIn(names), offersIn(names), makerLocksIn(names)], [
    [],
    [],
    [],
    [],
  ]);
});
