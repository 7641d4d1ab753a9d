import { assertEquals, assertRejects } from "@std/assert";
import { needs } from "./needs.ts";
import { run } from "./process.ts";
import { tempDir } from "./temp_dir.ts";
import { unmount } from "./unmount.ts";

Deno.test({
  name: "unmount: waits for the end of what holds a file, and fails at once otherwise",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir("varve-unmount-");
    await run(["mount", "-t", "tmpfs", "none", temp.path]);
    const holder = new Deno.Command("cat", { cwd: temp.path, stdin: "piped" }).spawn();
    const done = unmount(temp.path);
    await run(["mountpoint", "-q", temp.path]);
    await holder.stdin.close();
    await Promise.all([done, holder.status]);
    const error = await assertRejects(() => unmount(temp.path), Error, "not mounted");
    assertEquals(error.message.split("\n").length, 1);
  },
});
