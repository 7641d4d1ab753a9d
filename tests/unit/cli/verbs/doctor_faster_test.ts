import { assertEquals } from "@std/assert";
import { slowFacts, type SpeedFacts } from "../../../../lib/cli/verbs/program/doctor_faster.ts";

const BEST: SpeedFacts = {
  inflater: { wanted: "auto", name: "isal", why: "libisal is here" },
  drivers: [
    { name: "erofs", works: true, why: "" },
    { name: "overlay", works: true, why: "" },
    { name: "native", works: true, why: "" },
  ],
  driver: "erofs",
  fileSystem: "ext4",
};

Deno.test("doctor names nothing that would be faster where all is at its best", () => {
  assertEquals(slowFacts(BEST), []);
  assertEquals(slowFacts({ ...BEST, driver: null, drivers: [], fileSystem: undefined }), []);
  for (const fileSystem of ["xfs", "btrfs", "tmpfs", "0x12345"]) {
    assertEquals(slowFacts({ ...BEST, fileSystem }), []);
  }
});

Deno.test("doctor says what would be faster, and how to get it", () => {
  const zlib = { name: "zlib", why: "no libisal: it is not installed" } as const;
  const broken = { name: "erofs", works: false, why: "Linux 6.12 is needed" } as const;
  const found = (facts: Partial<SpeedFacts>) =>
    slowFacts({ ...BEST, ...facts }).map(({ found, wayOut }) => `${found} -> ${wayOut}`);
  assertEquals(found({ inflater: { ...zlib, wanted: "auto" } }), [
    "gzip is inflated by zlib: no libisal: it is not installed -> " +
    "install libisal (Debian: apt install libisal2), which inflates 1.5 times as fast",
  ]);
  assertEquals(found({ inflater: { ...zlib, why: "it was asked for", wanted: "zlib" } }), [
    "gzip is inflated by zlib: it was asked for -> " +
    "let it choose: VARVE_INFLATE=auto, or 'varve config set inflate auto'",
  ]);
  assertEquals(found({ driver: "native" }), [
    "the driver native extracts every file of a layer -> " +
    "use --driver auto: erofs works here and extracts nothing",
  ]);
  assertEquals(found({ driver: "overlay", drivers: [broken, ...BEST.drivers.slice(1)] }), [
    "the driver overlay extracts every file of a layer; erofs does not work: Linux 6.12 is needed -> " +
    "make erofs work: root, Linux 6.12 or later, and EROFS (modprobe erofs)",
  ]);
  assertEquals(found({ fileSystem: "nfs" }), [
    "the store is on nfs: each file goes through a network -> " +
    "put it on ext4, xfs or btrfs of a local disk: --root, or VARVE_ROOT",
  ]);
});
