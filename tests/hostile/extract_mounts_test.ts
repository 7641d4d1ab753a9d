// Swapped roots, mounts, file systems that are limited or full, and what overlay shows.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromText } from "../../lib/bytes/mod.ts";
import { exitCode, VarveError } from "../../lib/errors.ts";
import {
  bindMount,
  fileSystemOf,
  openRoot,
  overlayMount,
  ownFd,
  performMount,
  performUnmount,
} from "../../lib/linux/mod.ts";
import { arena, layerOf, listing, verdictOf } from "../support/extraction/arena.ts";
import { mount, root } from "../support/extraction/hostile_case.ts";
import type { TarFixture } from "../support/tar/tar_fixture.ts";

Deno.test({
  name: "A41 the root is swapped for a link while it is extracted into",
  ...root,
  fn: async () => {
    await using place = await arena();
    const many = Array.from({ length: 2000 }, (_, i): TarFixture => ({
      name: `d${i % 50}/f${i}`,
      content: "x",
    }));
    let swapped = false;
    const aside = place.temp.join("aside");
    const report = place.extract([layerOf(many)], {
      checkpoint: () => {
        if (swapped) return;
        swapped = true;
        Deno.renameSync(place.root, aside);
        Deno.symlinkSync(place.victim, place.root);
      },
    });
    assert(swapped);
    assertEquals(report.files, 2000);
    await Deno.remove(place.root);
    await Deno.rename(aside, place.root);
    assertEquals(place.damage(), []);
    assertEquals(listing(place.root).size, 1 + 50 + 2000);
  },
});

Deno.test({
  name: "A43 a mount inside the root",
  ...mount,
  fn: async () => {
    for (const layer of [[{ name: "mnt/" }], [{ name: "mnt/x", content: "x" }]]) {
      await using place = await arena();
      await Deno.mkdir(`${place.root}/mnt`);
      performMount(bindMount(fromText(place.victim)), fromText(`${place.root}/mnt`));
      assertEquals(verdictOf(() => place.extract([layerOf(layer)])), "E_XDEV");
      await new Deno.Command("umount", { args: [`${place.root}/mnt`] }).output();
      assertEquals(place.damage(), []);
    }
  },
});

Deno.test({
  name: "A43 a mount that appears during the extraction",
  ...mount,
  fn: async () => {
    await using place = await arena();
    const layer = layerOf(
      Array.from({ length: 600 }, (_, i) => ({ name: `d${i}/f`, content: "x" })),
    );
    let mounted = false;
    const checkpoint = () => {
      if (mounted) return;
      mounted = true;
      performMount(bindMount(fromText(place.victim)), fromText(`${place.root}/d0`));
    };
    assertEquals(verdictOf(() => place.extract([layer], { checkpoint })), "E_XDEV");
    await new Deno.Command("umount", { args: [`${place.root}/d0`] }).output();
    assertEquals(place.damage(), []);
  },
});

Deno.test({
  name: "A38 B05 B09 B17 layers as overlay shows them",
  ...mount,
  fn: async () => {
    await using place = await arena();
    const lower = layerOf([
      { name: "etc/" },
      { name: "etc/gone", content: "" },
      { name: "localetc", target: "etc" },
      { name: "lib", target: "usr/lib" },
      { name: "usr/lib/a", content: "a" },
      { name: "opq/" },
      { name: "opq/old", content: "" },
    ]);
    const upper = layerOf([
      { name: "etc/.wh.gone" },
      { name: "etc/.wh.never" },
      { name: ".wh.nothing" },
      { name: "only/here/.wh.x" },
      { name: ".wh.localetc" },
      { name: "lib/x", content: "x" },
      { name: "opq/.wh..wh..opq" },
      { name: "opq/.wh.old" },
      { name: "opq/new", content: "" },
    ]);
    const targets = ["0", "1"].map((name) => place.temp.join(name));
    for (const [i, layer] of [lower, upper].entries()) {
      await Deno.mkdir(targets[i] as string);
      place.extract([layer], { target: fromText(targets[i] as string) });
    }
    await Deno.mkdir(place.temp.join("merged"));
    const merged = fromText(place.temp.join("merged"));
    performMount(overlayMount({ lowers: targets.toReversed().map(fromText) }), merged);
    const paths = [...listing(place.temp.join("merged")).keys()];
    performUnmount(merged);
    assertEquals(paths.sort(), [
      ".",
      "etc",
      "lib",
      "lib/x",
      "only",
      "only/here",
      "opq",
      "opq/new",
      "usr",
      "usr/lib",
      "usr/lib/a",
    ]);
    // A lower alone, as the only one below an upper, shows no broken entries either.
    await Deno.mkdir(place.temp.join("up"));
    await Deno.mkdir(place.temp.join("work"));
    const own = {
      directory: fromText(place.temp.join("up")),
      work: fromText(place.temp.join("work")),
    };
    performMount(overlayMount({ lowers: [fromText(targets[1] as string)], upper: own }), merged);
    const alone = [...listing(place.temp.join("merged")).keys()];
    performUnmount(merged);
    assertEquals(alone.sort(), [".", "etc", "lib", "lib/x", "only", "only/here", "opq", "opq/new"]);
  },
});

Deno.test({
  name: "C18 a file system without extended attributes",
  ...mount,
  fn: async () => {
    await using place = await arena();
    const target = fromText(place.root);
    performMount({ type: "ramfs", source: fromText("ramfs"), options: [] }, target);
    const layer = layerOf([{ name: "f", content: "x", xattrs: { "user.a": "1" } }]);
    const error = assertThrows(() => place.extract([layer]), VarveError, "ramfs");
    assertEquals([exitCode(error), error.details.errno], [12, "ENOTSUP"]);
    await Deno.remove(`${place.root}/f`);
    const policy = {
      whiteouts: "none",
      owners: "caller",
      devices: "skip",
      rootless: true,
    } as const;
    assertEquals(place.extract([layer], { policy }).dropped["xattr-unsupported"], 1);
    performUnmount(target);
  },
});

Deno.test({
  name: "D27 more hard links than the file system takes",
  ...root,
  fn: async () => {
    await using place = await arena();
    const links = Array.from({ length: 65_010 }, (_, i): TarFixture => ({
      name: `l${i}`,
      type: "hardlink",
      target: "f",
    }));
    const layer = layerOf([{ name: "f", content: "x" }, ...links]);
    using target = ownFd(openRoot(fromText(place.root)));
    if (fileSystemOf(target.fd).type === "ext4") {
      const error = assertThrows(() => place.extract([layer]), VarveError, "too many links");
      assertEquals([exitCode(error), error.details.errno], [12, "EMLINK"]);
    } else {
      assertEquals(place.extract([layer]).links, links.length);
    }
  },
});

Deno.test({
  name: "P6 a full file system is one clear error",
  ...mount,
  fn: async () => {
    for (const option of ["size=256k", "nr_inodes=20"]) {
      await using place = await arena();
      const target = fromText(place.root);
      performMount({ type: "tmpfs", source: fromText("t"), options: [option] }, target);
      const layer = layerOf(
        Array.from({ length: 40 }, (_, i) => ({ name: `f${i}`, content: "x".repeat(10_000) })),
      );
      const error = assertThrows(() => place.extract([layer]), VarveError, "no space left");
      assertEquals([exitCode(error), error.details.errno], [12, "ENOSPC"]);
      performUnmount(target);
    }
  },
});
