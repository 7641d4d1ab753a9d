/** What the user sees of a database that is older than the files, and how a lost snapshot comes back. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, dockerFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const image = buildImage({ name: "app:1", layers: [[{ name: "file", content: "x" }]] });
const JSON_FORMAT = ["--format", "json"];
const NATIVE = ["--driver", "native"];

Deno.test({
  name:
    "P4: an older database is told with the next step, and a lost snapshot is adopted with its files",
  ...needs({ root: true }),
  sanitizeResources: false,
  fn: async () => {
    await using temp = await tempDir("varve-adopt-");
    const root = temp.join("store");
    const varve = commandOn(root);
    const ok = async (...args: string[]) => {
      const result = await varve(args, { stdin: archiveTar(dockerFiles([image])) });
      assertEquals(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
      return result;
    };
    await ok("load", "-");
    await Deno.copyFile(`${root}/meta.db`, temp.join("copy"));
    for (const key of ["one", "two"]) await ok("snapshot", "prepare", key, "app:1", ...NATIVE);
    const lost = JSON.parse((await ok("snapshot", "ls", ...JSON_FORMAT)).stdout)
      .filter(({ kind }: { kind: string }) => kind === "active");
    await Deno.rename(temp.join("copy"), `${root}/meta.db`);

    const { stderr } = await ok("images");
    assertStringIncludes(stderr, "is older than its files");
    assertStringIncludes(stderr, "'varve fsck --rebuild' gets it back");
    const listed = JSON.parse((await ok("snapshot", "adopt", ...JSON_FORMAT)).stdout);
    const expected = lost.map(({ key, cacheId, parent }: Record<string, unknown>) => ({
      name: `${cacheId}`,
      path: `${root}/snapshots/${cacheId}`,
      key,
      use: "active",
      parent,
    }));
    assertEquals(listed, expected);
    const [one, two] = listed;
    assertEquals((await ok("snapshot", "adopt", one.name, ...NATIVE)).stdout, "one\n");
    const options = [two.name, "other", "--image", "app:1", ...NATIVE];
    assertEquals((await ok("snapshot", "adopt", ...options)).stdout, "other\n");
    assertEquals(JSON.parse((await ok("snapshot", "adopt", ...JSON_FORMAT)).stdout), []);
    for (const key of ["one", "other"]) {
      const { parent, cacheId } = JSON.parse(
        (await ok("snapshot", "stat", key, ...JSON_FORMAT)).stdout,
      );
      assertEquals(parent, one.parent);
      assertEquals(await Deno.readTextFile(`${root}/snapshots/${cacheId}/fs/file`), "x");
    }
    const again = await varve(["snapshot", "adopt", "77"]);
    assertEquals(again.code, 4);
    assertStringIncludes(again.stderr, "'varve snapshot adopt' lists them");
    assert(!again.stderr.includes("undefined"));
  },
});
