/** `varve save --oci-dir` into a layout that is there. */
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { loadImages, saveToDirectory } from "../../lib/archive/mod.ts";
import { openMemoryStore } from "../../lib/store/mod.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test("save adds names to a layout, replaces the same names, and keeps all else", async () => {
  await using temp = await tempDir("varve-layout-");
  const varve = commandOn(temp.join("store"));
  const ok = async (args: readonly string[]) => {
    const { code, stdout, stderr } = await varve(args);
    assertEquals(code, 0, stderr);
    return stdout;
  };
  const layout = temp.join("layout");
  const names = ["app:1", "app:2", "other:1"];
  const images = names.map((name) =>
    buildImage({ name: `docker.io/library/${name}`, layers: [[{ name: "f", content: name }]] })
  );
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles(images)));
  await ok(["load", temp.join("app.tar")]);
  const index = async () => JSON.parse(await Deno.readTextFile(`${layout}/index.json`));
  const read = async (name: string) => await ok(["cat", `oci:${layout}:${name}:/f`]);

  await ok(["save", "app:1", "--oci-dir", layout]);
  // Another program adds a name, with things that varve does not know.
  const before = await index();
  const foreign = {
    ...before.manifests[0],
    annotations: { "org.opencontainers.image.ref.name": "foreign", "x.y": "z" },
  };
  await Deno.writeTextFile(
    `${layout}/index.json`,
    JSON.stringify({ ...before, extra: [1], manifests: [...before.manifests, foreign] }),
  );
  await ok(["save", "app:2", "other:1", "--oci-dir", layout]);
  const added = await index();
  assertEquals(added.extra, [1]);
  assertEquals(added.manifests.slice(0, 2), [...before.manifests, foreign]);
  // The tag 1 is that of app:1.
  const found = added.manifests.map((entry: { annotations: Record<string, string> }) =>
    entry.annotations["org.opencontainers.image.ref.name"]
  );
  assertEquals(found, ["1", "foreign", "2", "docker.io/library/other:1"]);
  const all = ["1", "foreign", "2", "docker.io/library/other:1"];
  assertEquals(await Promise.all(all.map(read)), ["app:1", "app:1", "app:2", "other:1"]);
  const docker = JSON.parse(await Deno.readTextFile(`${layout}/manifest.json`));
  const tags = docker.flatMap(({ RepoTags }: { RepoTags: string[] }) => RepoTags);
  assertEquals(tags.toSorted(), ["app:1", "app:2", "other:1"]);

  // The same name again, with another image; and a blob that is damaged.
  await ok(["tag", "app:2", "app:1"]);
  const { digest } = added.manifests[2];
  const blob = `${layout}/blobs/${digest.replace(":", "/")}`;
  const bytes = await Deno.readFile(blob);
  await Deno.writeFile(blob, bytes.map((byte, at) => at === 9 ? byte ^ 1 : byte));
  await ok(["save", "app:1", "--oci-dir", layout]);
  assertEquals(await Deno.readFile(blob), bytes);
  assertEquals(await read("1"), "app:2");
  assertEquals(await read("foreign"), "app:1");
  assertEquals((await index()).manifests.length, 4);
  await ok(["load", `docker-archive:${layout}`, "--root", temp.join("docker")]);
  const left = (await Array.fromAsync(Deno.readDir(layout), ({ name }) => name)).toSorted();
  assertEquals(left, ["blobs", "index.json", "manifest.json", "oci-layout"]);

  const last = await Deno.readTextFile(`${layout}/index.json`);
  const refused = async (exit: number, said: string) => {
    const { code, stderr } = await varve(["save", "other:1", "--oci-dir", layout]);
    assertEquals(code, exit, stderr);
    assertStringIncludes(stderr, said);
  };
  await Deno.writeTextFile(`${layout}/index.json`, last.replace("[", "[[1],"));
  await refused(7, "manifest 0: it is an array");
  await Deno.writeTextFile(`${layout}/index.json`, last);
  await Deno.writeTextFile(`${layout}/oci-layout`, '{"imageLayoutVersion":"2.0.0"}');
  await refused(7, "it is not an OCI layout of version 1.0.0");
  await Deno.writeTextFile(`${layout}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  await Deno.rename(`${layout}/blobs`, temp.join("blobs"));
  await Deno.symlink(temp.join("blobs"), `${layout}/blobs`);
  await refused(5, "symbolic link");
  assertEquals(await Deno.readTextFile(`${layout}/index.json`), last);
});

Deno.test({
  name: "save into a layout says which process it waits for, and can be cancelled meanwhile",
  // Libraries stay loaded until the process ends.
  sanitizeResources: false,
  async fn() {
    await using temp = await tempDir("varve-layout-");
    const layout = temp.join("layout");
    await using store = openMemoryStore();
    const image = buildImage({ name: "docker.io/library/app:1", layers: [] });
    await loadImages(store, ReadableStream.from([archiveTar(ociFiles([image]))]));
    await saveToDirectory(store, ["app:1"], layout);
    using held = await Deno.open(layout);
    await held.lock(true);
    const stop = new AbortController();
    await assertRejects(
      () =>
        saveToDirectory(store, ["app:1"], layout, {
          signal: stop.signal,
          onWait: (message) => stop.abort(new Error(message)),
        }),
      Error,
      `process ${Deno.pid} (`,
    );
    let said = "";
    await saveToDirectory(store, ["app:1"], layout, {
      onWait(message) {
        said = message;
        held.unlockSync();
      },
    });
    assertMatch(said, /^process [0-9]+ \(.*\) writes to .*\/layout$/);
  },
});
