/** Indexes that were made here, as other programs read them. */
import { assertEquals } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { podmanIn } from "../support/peers/podman.ts";
import { servedStore } from "../support/registry/served_store.ts";

const built = ["amd64", "arm64"].map((architecture) =>
  buildImage({
    name: `docker.io/library/app:${architecture}`,
    layers: [[{ name: "arch", content: architecture }]],
    config: { architecture },
  })
);

Deno.test({
  name:
    "skopeo and podman read an index that was made here, from an archive, a layout and a registry",
  ...needs({ root: true, tools: ["skopeo", "podman"] }),
  async fn() {
    await using temp = await tempDir("varve-index-");
    const varve = commandOn(temp.join("store"));
    const ok = async (...args: string[]) => {
      const { code, stdout, stderr } = await varve(args);
      assertEquals(code, 0, stderr);
      return stdout;
    };
    await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles(built)));
    await ok("load", temp.join("app.tar"));
    const create = ["index", "create", "x.org/app:1", "app:amd64", "app:arm64"];
    const { digest } = JSON.parse(await ok(...create, "--format", "json"));
    const [tar, layout] = [temp.join("saved.tar"), temp.join("layout")];
    await ok("save", "x.org/app:1", "-o", tar);
    await ok("save", "x.org/app:1", "--oci-dir", layout);
    await using server = await servedStore(temp.join("other"));
    const name = `${server.host}/x.org/app:1`;
    await ok("push", "x.org/app:1", name);
    const copied = `dir:${temp.join("copied")}`;
    for (const source of [`oci-archive:${tar}`, `oci:${layout}:1`, `docker://${name}`]) {
      const insecure = ["--src-tls-verify=false", "--preserve-digests"];
      await run(["skopeo", "copy", "-q", "--all", ...insecure, source, copied]);
      const { stdout } = await run([
        "skopeo",
        "manifest-digest",
        `${copied.slice(4)}/manifest.json`,
      ]);
      assertEquals(stdout.trim(), digest, source);
    }
    const podman = podmanIn(temp);
    const env = { TMPDIR: temp.path };
    const pulled = ["pull", "-q", "--tls-verify=false", "--platform", "linux/arm64", name];
    const { stdout } = await run([...podman, ...pulled], { env });
    assertEquals(`sha256:${stdout.trim()}`, built[1]?.imageId);
  },
});
