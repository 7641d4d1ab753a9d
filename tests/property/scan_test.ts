/** What a scan says of real directories, applied, is what the directories hold. */
import { assertEquals } from "@std/assert";
import { fromText, joinBytes } from "../../lib/bytes/mod.ts";
import { copyAttributes } from "../../lib/directory/copy_attributes.ts";
import { extractTree } from "../../lib/directory/extract/extract_tree.ts";
import {
  type DirectoryLayer,
  NO_BASE,
  type PoolScan,
  type ScanBase,
  type ScanForm,
  scanInPool,
} from "../../lib/directory/internal.ts";
import { applyLayer, diffLayer } from "../../lib/layer/mod.ts";
import { CWD, openDirectoryAt, overlayMount, ownFd } from "../../lib/linux/mod.ts";
import { createPool, type Pool } from "../../lib/pool/mod.ts";
import { decodeTree, emptyTree, rootOf, type Tree } from "../../lib/tree/mod.ts";
import { OVERLAY_POLICY } from "../support/extraction/arena.ts";
import { baseOf, scanTree } from "../support/trees/scan_tree.ts";
import { needs, type Skip } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { forSeeds, type Prng } from "../support/prng.ts";
import { mountAt, TMPFS } from "../support/snapshots/snapshot_fixture.ts";
import { changeFiles, growFiles } from "../support/trees/random_files.ts";

/** User attributes on tmpfs need Linux 6.6. */
const LINUX: Skip = needs({ root: true, mount: true, kernel: "6.6" });
const CASES = 1000;

type More = Partial<PoolScan>;

async function layer(pool: Pool, path: string, form: ScanForm, base: ScanBase, more: More = {}) {
  using root = ownFd(openDirectoryAt(CWD, fromText(path)));
  return await scanInPool({ pool, root: root.fd, form, base, ...more });
}

async function tree(pool: Pool, path: string, form: ScanForm, base: ScanBase): Promise<Tree> {
  using root = ownFd(openDirectoryAt(CWD, fromText(path)));
  return (await scanTree({ pool, root: root.fd, form, base })).tree;
}

/** Without a thread of the runtime between: thousands of times that is most of the work. */
function copyDirectory(from: string, to: string): void {
  const { success } = new Deno.Command("cp", { args: ["-a", from, to] }).outputSync();
  if (!success) throw new Error(`Cannot copy ${from}`);
}

async function wholeTree(pool: Pool, path: string): Promise<Tree> {
  return applyLayer(emptyTree("root"), await tree(pool, path, "plain", NO_BASE));
}

/** The layer in memory: its tar, and the tree that loading the tar gives. */
async function loaded(pool: Pool, path: string, form: ScanForm, base: ScanBase, more: More = {}) {
  const { layer: made } = await layer(pool, path, form, base, {
    target: { kind: "memory" },
    ...more,
  });
  return made === null ? null : { ...made, tree: decodeTree(made.memory?.tree as Uint8Array) };
}

async function forCases(
  property: (random: Prng, join: (name: string) => string, pool: Pool) => Promise<void>,
  cases = CASES,
): Promise<void> {
  await using pool = createPool({ inline: true });
  await using temp = await tempDir("varve-scan-");
  await forSeeds(cases, async (random) => {
    await using _ = await mountAt([TMPFS], temp.join("fs"));
    const join = (name: string) => temp.join("fs", name);
    await Deno.mkdir(join("a"));
    growFiles(random, join("a"), random.int(0, 25));
    await property(random, join, pool);
  });
}

Deno.test({
  name: `plain: apply(a, diff(a, b)) = b for ${CASES} pairs of directories`,
  ...LINUX,
  fn: () =>
    forCases(async (random, join, pool) => {
      copyDirectory(join("a"), join("b"));
      changeFiles(random, join("b"), random.int(0, 12));
      const a = await wholeTree(pool, join("a"));
      const b = await wholeTree(pool, join("b"));
      const diff = await tree(pool, join("b"), "plain", baseOf(a));
      assertEquals(applyLayer(a, diff).digest, b.digest);
      assertEquals(diff.digest, diffLayer(a, b).digest, "no more is said than must be");
      const made = await loaded(pool, join("b"), "plain", baseOf(a));
      assertEquals(made?.treeDigest, diff.count === 0 && made === null ? undefined : diff.digest);
    }),
});

Deno.test({
  name: `overlay: apply(lower, upper) = merged for ${CASES} overlays`,
  ...LINUX,
  fn: () =>
    forCases(async (random, join, pool) => {
      for (const name of ["upper", "work", "merged"]) await Deno.mkdir(join(name));
      copyAttributes(fromText(join("a")), fromText(join("upper")));
      const a = await wholeTree(pool, join("a"));
      const mount = overlayMount({
        lowers: [fromText(join("a"))],
        upper: { directory: fromText(join("upper")), work: fromText(join("work")) },
      });
      await using merged = await mountAt([mount], join("merged"));
      changeFiles(random, merged.path, random.int(0, 12));
      const expected = await wholeTree(pool, merged.path);
      const diff = await tree(pool, join("upper"), "overlay", baseOf(a));
      const applied = applyLayer(a, diff);
      assertEquals(applied.digest, expected.digest);
      if (applied.digest === a.digest) assertEquals(diff.count, 0, "nothing changed, nothing said");
      const made = await loaded(pool, join("upper"), "overlay", baseOf(a));
      if (made !== null) assertEquals(applyLayer(a, made.tree).digest, expected.digest);
    }),
});

Deno.test({
  name: `overlay: a scan of an extracted layer gives that layer again, ${CASES} times`,
  ...LINUX,
  fn: () =>
    forCases(async (random, join, pool) => {
      copyDirectory(join("a"), join("b"));
      changeFiles(random, join("b"), random.int(1, 12));
      const base = baseOf(await wholeTree(pool, join("a")));
      const made = await loaded(pool, join("b"), "plain", base);
      if (made === null) return;
      await Deno.writeFile(join("tar"), joinBytes(made.memory?.tar ?? []));
      await Deno.mkdir(join("upper"));
      extractTree({
        tree: made.tree,
        target: fromText(join("upper")),
        contents: new Map([[made.diffId, fromText(join("tar"))]]),
        policy: OVERLAY_POLICY,
      });
      // As a driver does: the root of an upper directory is that of the merged one.
      if (rootOf(made.tree).implied) copyAttributes(fromText(join("a")), fromText(join("upper")));
      const again = await loaded(pool, join("upper"), "overlay", base);
      assertEquals(again?.diffId, made.diffId);
      assertEquals(again?.treeDigest, made.treeDigest);
    }),
});

Deno.test({
  name: "the same bytes in one part and in many, inline and with 8 workers",
  ...LINUX,
  async fn() {
    await using workers = createPool({ workers: 8 });
    await forCases(async (random, join, pool) => {
      growFiles(random, join("a"), 60);
      copyDirectory(join("a"), join("b"));
      changeFiles(random, join("b"), 20);
      const base = baseOf(await wholeTree(pool, join("a")));
      const all: (DirectoryLayer | null)[] = [];
      for (const [by, parts] of [[pool, 1], [pool, 7], [workers, 8], [workers, 1000]] as const) {
        const target = { kind: "memory" } as const;
        all.push(await layer(by, join("b"), "plain", base, { target, parts }));
      }
      for (const one of all) assertEquals(one, all[0]);
    }, 6);
  },
});
