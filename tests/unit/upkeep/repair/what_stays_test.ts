/** A repair does not remove what is in use, nor the only copy of something, and derives what was there before. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { archiveTar, buildImage, ociFiles } from "../../../support/images/images.ts";
import { commandOn } from "../../../support/cli/in_process.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { DatabaseSync } from "node:sqlite";
import { namesIn } from "../../../support/trees/names_in.ts";
import {
  findings,
  flip,
  NAME,
  type SickStore,
  sickStore,
  WRITTEN,
} from "../../../support/upkeep/sick_store.ts";

const NEEDS = needs({ root: true, mount: true, kernel: "6.12" });

Deno.test({
  name: "fsck --repair keeps a snapshot without row and marker in lost/",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const directory = store.snapshot("work");
    const id = directory.split("/").at(-1) as string;
    await Deno.remove(`${directory}/marker`);
    store.sql("DELETE FROM snapshot WHERE key = 'work'");
    const { code, stderr } = await store.on(["fsck", "--repair"]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, `snapshots/${id} was moved to lost/`);
    assertEquals(await Deno.readTextFile(store.path("lost", id, "fs/written")), WRITTEN);
    assertEquals(await findings(store, "fsck", "--deep"), []);
    assertEquals((await store.on(["snapshot", "adopt", id, "again", "--image", NAME])).code, 0);
    assertEquals(await Deno.readTextFile(store.snapshot("again", "fs/written")), WRITTEN);
  },
});

Deno.test({
  name: "fsck --repair leaves a mounted directory alone, and no new mount uses it",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    const [old, fresh] = [`${store.root}-old`, `${store.root}-new`];
    for (const target of [old, fresh]) await Deno.mkdir(target);
    assertEquals((await store.on(["--driver", "overlay", "mount", NAME, old])).code, 0);
    try {
      await flip(store.layer(0, "fs/home/user/notes"));
      const wrong = await Deno.readTextFile(`${old}/home/user/notes`);
      assert(wrong !== "notes");
      const { code, stdout, stderr } = await store.on(["fsck", "--repair", "--deep"]);
      assertEquals(code, 0, stdout + stderr);
      assertStringIncludes(stderr, `is mounted at ${old}`);
      assertStringIncludes(stderr, "stays while it is in use, and is not used again");
      // The mount goes on.
      assertEquals(await Deno.readTextFile(`${old}/home/user/notes`), wrong);
      assertEquals(await findings(store, "fsck", "--deep"), []);
      assertEquals((await store.on(["--driver", "overlay", "mount", NAME, fresh])).code, 0);
      assertEquals(await Deno.readTextFile(`${fresh}/home/user/notes`), "notes");
      assertEquals((await store.on(["umount", fresh])).code, 0);
    } finally {
      await store.on(["umount", old]);
    }
  },
});

Deno.test("fsck --repair derives a tree by the rules by which its layer came in", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const on = commandOn(root);
  const xattrs = { "security.ima": new Uint8Array([4, 1, 2, 3]) };
  const image = buildImage({ name: "app:1", layers: [[{ name: "file", content: "x", xattrs }]] });
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
  assertEquals((await on(["config", "set", "xattr.ima", "keep"])).code, 0);
  assertEquals((await on(["load", temp.join("app.tar")])).code, 0);
  assertEquals((await on(["config", "set", "xattr.ima", "drop"])).code, 0);
  const tree = () => {
    using db = new DatabaseSync(`${root}/meta.db`);
    return db.prepare("SELECT tree_digest, tree_sum FROM layer").all();
  };
  const before = tree();
  await flip(`${root}/layers/1/tree`);
  const { code, stdout, stderr } = await on(["fsck", "--repair", "--deep"]);
  assertEquals(code, 0, stdout + stderr);
  assertEquals(tree(), before);
});

Deno.test({
  name: "a snapshot that has its row again keeps no lower mounted",
  ...NEEDS,
  async fn() {
    const ways: readonly [string, (store: SickStore) => void | Promise<void>, string[]][] = [
      ["repair", lose, ["fsck", "--repair"]],
      ["rebuild", (store) => Deno.remove(store.path("meta.db")), ["fsck", "--rebuild"]],
      ["adopt", async (store) => {
        const directory = store.snapshot("work");
        lose(store);
        await Deno.mkdir(store.path("lost"), { mode: 0o700 });
        await Deno.rename(directory, store.path("lost", directory.split("/").at(-1) as string));
      }, ["snapshot", "adopt"]],
    ];
    for (const [title, damage, args] of ways) {
      await using store = await sickStore();
      const id = store.snapshot("work").split("/").at(-1) as string;
      await damage(store);
      const { code, stderr } = await store.on(title === "adopt" ? [...args, id] : args);
      assertEquals(code, 0, stderr);
      const target = `${store.root}-mnt`;
      await Deno.mkdir(target, { recursive: true });
      for (const verb of [["mount", NAME, target], ["umount", target]]) {
        assertEquals((await store.on(["--driver", "erofs", ...verb])).code, 0, title);
      }
      assertEquals(namesIn(store.path("mounts")), [], title);
    }
  },
});

/** Loses the row of the snapshot `work`. */
function lose(store: SickStore): void {
  store.sql("DELETE FROM snapshot WHERE key = 'work'");
}
