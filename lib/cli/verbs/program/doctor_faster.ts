import type { InflaterName } from "../../../layer_job/mod.ts";
import type { DriverFinding } from "../../../snapshot/mod.ts";

/** Something that makes varve slower on this machine than it could be. */
export interface SlowFact {
  /** The check that fails. */
  readonly check: "libisal" | "inflater" | "driver" | "erofs" | "file system";
  /** What was found. */
  readonly found: string;
  /** What makes it faster. */
  readonly wayOut: string;
}

/** What doctor knows of the speed of this machine. */
export interface SpeedFacts {
  /** The library that was asked for, and the one that inflates here. */
  readonly inflater: {
    readonly wanted: InflaterName;
    readonly name: string;
    readonly why: string;
  };
  /** What the drivers can do here, the fastest first. */
  readonly drivers: readonly DriverFinding[];
  /** The driver in use; `null` without a store. */
  readonly driver: string | null;
  /** Type of the store's file system; absent when it is not known. */
  readonly fileSystem?: string | undefined;
}

/** File systems on which each file costs a trip to a server or to another process, or a second copy. */
const SLOW: Readonly<Record<string, string>> = {
  nfs: "a network",
  cifs: "a network",
  smb: "a network",
  ceph: "a network",
  "9p": "the host of this virtual machine",
  fuse: "another process",
  ecryptfs: "an encryption of each file",
  overlay: "a container's own layers",
};

/** What would make loads, pulls and mounts faster here; empty where nothing is known. */
export function slowFacts({ inflater, drivers, driver, fileSystem = "" }: SpeedFacts): SlowFact[] {
  const facts: SlowFact[] = [];
  if (inflater.name === "zlib") {
    facts.push({
      check: inflater.wanted === "auto" ? "libisal" : "inflater",
      found: `gzip is inflated by zlib: ${inflater.why}`,
      wayOut: inflater.wanted === "auto"
        ? "install libisal (Debian: apt install libisal2), which inflates 1.5 times as fast"
        : "let it choose: VARVE_INFLATE=auto, or 'varve config set inflate auto'",
    });
  }
  const [best] = drivers;
  if (driver !== null && best !== undefined && driver !== best.name) {
    facts.push({
      check: best.works ? "driver" : "erofs",
      found: `the driver ${driver} extracts every file of a layer${
        best.works ? "" : `; ${best.name} does not work: ${best.why}`
      }`,
      wayOut: best.works
        ? `use --driver auto: ${best.name} works here and extracts nothing`
        : `make ${best.name} work: root, Linux 6.12 or later, and EROFS (modprobe erofs)`,
    });
  }
  const cost = SLOW[fileSystem];
  if (cost !== undefined) {
    facts.push({
      check: "file system",
      found: `the store is on ${fileSystem}: each file goes through ${cost}`,
      wayOut: "put it on ext4, xfs or btrfs of a local disk: --root, or VARVE_ROOT",
    });
  }
  return facts;
}
