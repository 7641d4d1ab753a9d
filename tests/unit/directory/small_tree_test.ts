import { assertEquals } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { NO_BASE, scanInPool } from "../../../lib/directory/internal.ts";
import { isSmallTree } from "../../../lib/directory/scan/small_tree.ts";
import { CWD, openDirectoryAt, ownFd } from "../../../lib/linux/mod.ts";
import { createProgramPool } from "../../../lib/pool/internal.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const ROOT = needs({ root: true });

Deno.test({
  name: "the scan of a small directory starts no worker in a program that may block",
  ...ROOT,
  async fn() {
    await using temp = await tempDir();
    await Deno.mkdir(temp.join("a/b"), { recursive: true });
    await Deno.writeTextFile(temp.join("a/b/c"), "changed");
    using root = ownFd(openDirectoryAt(CWD, fromText(temp.path)));
    let started = 0;
    const spawn = () => {
      started++;
      throw new Error("no worker can be started");
    };
    const scan = async (mayBlock: boolean) => {
      await using pool = createProgramPool({ mayBlock, spawn, onWarning: () => {} });
      return await scanInPool({ pool, root: root.fd, form: "plain", base: NO_BASE });
    };
    const inline = await scan(true);
    assertEquals([started, inline.empty], [0, false]);
    assertEquals(await scan(false), inline);
    assertEquals(started > 0, true);
  },
});

Deno.test({
  name: "a tree is small by its names and by the bytes of its files, not by its depth",
  ...ROOT,
  async fn() {
    await using temp = await tempDir();
    using root = ownFd(openDirectoryAt(CWD, fromText(temp.path)));
    assertEquals(isSmallTree(root.fd), true);
    await Deno.mkdir(temp.join("d/".repeat(200)), { recursive: true });
    assertEquals(isSmallTree(root.fd), true);
    for (let i = 0; i < 56; i++) await Deno.writeTextFile(temp.join(`${i}`), "");
    assertEquals(isSmallTree(root.fd), true);
    await Deno.writeTextFile(temp.join("one more"), "");
    assertEquals(isSmallTree(root.fd), false);
    await Deno.remove(temp.join("one more"));
    await Deno.truncate(temp.join("1"), 2 ** 20);
    assertEquals(isSmallTree(root.fd), true);
    await Deno.writeTextFile(temp.join("2"), "x");
    assertEquals(isSmallTree(root.fd), false);
  },
});
