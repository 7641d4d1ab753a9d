import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { stackOf } from "../../../lib/snapshot/drivers/ancestors.ts";
import type { DriverDirectories } from "../../../lib/snapshot/drivers/driver_directories.ts";
import type { LayerLowers } from "../../../lib/snapshot/drivers/layer_lowers.ts";
import { OverlayDriver } from "../../../lib/snapshot/drivers/overlay.ts";
import { MAX_LOWERS, planLowers } from "../../../lib/snapshot/drivers/overlay_plan.ts";
import { overlayMounts } from "../../../lib/snapshot/mod.ts";

const diffIds = (names: string): DiffId[] => [...names] as DiffId[];
const paths = (...names: string[]) => names.map(fromText);
const COMMON = [
  "redirect_dir=nofollow",
  "metacopy=off",
  "index=off",
  "xino=off",
  "uuid=null",
];

Deno.test("an active snapshot is an overlay with its upper and work directories", () => {
  const upper = { kind: "active", directory: fromText("/s/snapshots/3") } as const;
  assertEquals(overlayMounts(paths("/s/layers/2/fs", "/s/layers/1/fs"), upper), [{
    type: "overlay",
    source: fromText("overlay"),
    options: [
      "lowerdir=/s/layers/2/fs:/s/layers/1/fs",
      "upperdir=/s/snapshots/3/fs",
      "workdir=/s/snapshots/3/work",
      ...COMMON,
    ],
  }]);
  assertThrows(() => overlayMounts(paths("/l"), { ...upper, directory: null }), RangeError);
});

Deno.test("a view is read-only; its own directory is one of the lowers", () => {
  const options = (directory: string | null) =>
    overlayMounts(paths("/b", "/a"), {
      kind: "view",
      directory: directory === null ? null : fromText(directory),
    })[0]?.options;
  assertEquals(options(null), ["ro", "lowerdir=/b:/a", ...COMMON]);
  assertEquals(options("/s/3"), ["ro", "lowerdir=/s/3/fs:/b:/a", ...COMMON]);
});

Deno.test("I15: no path can add an option or a lower", () => {
  const upper = { kind: "active", directory: fromText("/s,rw:x\\y/3") } as const;
  const [mount] = overlayMounts(paths("/a:b,c\\d"), upper);
  assertEquals(mount?.options.slice(0, 3), [
    "lowerdir=/a\\:b\\,c\\\\d",
    "upperdir=/s\\,rw\\:x\\\\y/3/fs",
    "workdir=/s\\,rw\\:x\\\\y/3/work",
  ]);
});

Deno.test("layers become lowers, the topmost first and each once", () => {
  assertEquals(planLowers(diffIds("abc"), 500), { single: diffIds("cba"), joined: [] });
  assertEquals(planLowers(diffIds("abacbb"), 500), { single: diffIds("bca"), joined: [] });
  assertEquals(planLowers(diffIds("abc"), 3), { single: diffIds("cba"), joined: [] });
});

Deno.test("layers that are too many are joined, from below", () => {
  assertEquals(planLowers(diffIds("abcd"), 3), { single: diffIds("dc"), joined: diffIds("ab") });
  assertEquals(planLowers(diffIds("abcd"), 1), { single: [], joined: diffIds("abcd") });
  // The topmost b counts. All layers below it are joined, repeated or not.
  assertEquals(planLowers(diffIds("abcbd"), 2), { single: diffIds("d"), joined: diffIds("abcb") });
  assertEquals(planLowers(diffIds("dabcd"), 3), { single: diffIds("dc"), joined: diffIds("dab") });
  assertEquals(MAX_LOWERS, 500);
  assertThrows(() => planLowers(diffIds("ab"), 0), RangeError, "room for 0");
});

Deno.test("an image is never left out below a stack of committed directories: it is refused", async () => {
  // The limit counts before anything is read.
  const driver = new OverlayDriver({} as DriverDirectories, { driver: "overlay" } as LayerLowers);
  const directories = Array.from({ length: 498 }, (_, i) => (
    { kind: "directory", cacheId: i + 1 } as const
  ));
  const ancestors = [...directories, { kind: "layer", diffId: "a" as DiffId } as const];
  const error = await assertRejects(
    () => driver.mounts({ kind: "view", cacheId: null, ancestors }),
    VarveError,
  );
  assertEquals(error.code, "E_LIMIT");
});

Deno.test("directories lie on layers, not the other way round", () => {
  const layer = (diffId: string) => ({ kind: "layer", diffId: diffId as DiffId }) as const;
  const directory = (cacheId: number) => ({ kind: "directory", cacheId }) as const;
  assertEquals(stackOf([directory(9), directory(8), layer("b"), layer("a")]), {
    directories: [9, 8],
    layers: diffIds("ab"),
  });
  assertEquals(stackOf([]), { directories: [], layers: [] });
  assertThrows(
    () => stackOf([layer("a"), directory(1)]),
    Error,
    "is on top of a snapshot directory",
  );
});
