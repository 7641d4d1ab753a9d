import { assertEquals, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test({
  name: "a store that takes no writes: doctor says so, umount unmounts and says what is left to do",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using temp = await tempDir();
    const [store, same, target] = [temp.join("store"), temp.join("same"), temp.join("mnt")];
    const image = buildImage({ name: "example.org/app:1", layers: [[{ name: "f" }]] });
    await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
    for (const path of [same, target]) await Deno.mkdir(path);
    const varve = new Cli(store);
    await varve.text(["load", temp.join("app.tar"), "--mount", target]);
    await run(["mount", "--bind", store, same]);
    await run(["mount", "-o", "remount,bind,ro", same]);
    const found = await new Cli(same).any(["--format", "json", "doctor"]);
    assertEquals([found.code, JSON.parse(found.stdout).store.readOnly], [9, true]);
    assertEquals((await varve.json(["doctor"])).store.readOnly, false);
    const { code, stderr } = await new Cli(same).any(["umount", target]);
    assertEquals(code, 12);
    assertStringIncludes(stderr, `run 'varve umount ${target}' again to repair the store`);
    assertEquals(Array.from(Deno.readDirSync(target)), []);
    await varve.text(["umount", target]);
    const left: { readonly kind: string }[] = await varve.json(["snapshot", "ls"]);
    assertEquals(left.map(({ kind }) => kind), ["committed"]);
  },
});
