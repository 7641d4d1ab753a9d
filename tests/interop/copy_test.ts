/** What varve copies between files and a registry, beside skopeo, podman and Debian's docker-registry. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { buildImage, ociFiles, writeArchive } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { podmanIn } from "../support/peers/podman.ts";
import { dockerRegistry, REGISTRY_TOOLS } from "../support/registry/docker_registry.ts";

Deno.test({
  name: "copy: skopeo and podman read what varve copies, and varve what skopeo does",
  // Libraries stay loaded until the process ends.
  sanitizeResources: false,
  ...needs({ root: true, tools: [...REGISTRY_TOOLS, "podman"] }),
  async fn() {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const varve = commandOn(temp.join("store"));
    const copy = async (...args: string[]) => {
      const { code, stdout, stderr } = await varve(["copy", "--format", "json", ...args]);
      assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
      return { ...JSON.parse(stdout), stderr };
    };
    const skopeo = async (...args: string[]) =>
      (await run(["skopeo", ...args, "--tls-verify=false"])).stdout.trim();
    const digestOf = (name: string) => skopeo("inspect", "--format", "{{.Digest}}", name);
    const image = buildImage({ name: "x.org/app:1", layers: [[{ name: "f", content: "one" }]] });
    const { digest } = image.descriptor;
    await Deno.mkdir(temp.join("layout"));
    await writeArchive(temp.join("layout"), ociFiles([image]));
    const remote = `docker://${registry.host}/team/app`;

    // By way of the registry into files, which skopeo reads.
    await copy(`oci:${temp.join("layout")}`, `${remote}:1`);
    assertEquals(await digestOf(`${remote}:1`), digest);
    await copy(`${remote}:1`, `oci:${temp.join("out")}:first`);
    await copy(`${remote}:1`, `oci-archive:${temp.join("out.tar")}:first`);
    assertEquals(await digestOf(`oci:${temp.join("out")}:first`), digest);
    assertEquals(await digestOf(`oci-archive:${temp.join("out.tar")}:first`), digest);

    // What skopeo makes of it; its docker-archive has layers that are not compressed.
    const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    const give = (...args: string[]) => run(["skopeo", "copy", "-q", ...insecure, ...args]);
    await give(`oci:${temp.join("out")}:first`, `oci:${temp.join("out")}:second`);
    await copy(`oci:${temp.join("out")}:second`, `${remote}:second`);
    assertEquals(await digestOf(`${remote}:second`), digest);
    const plain = `docker-archive:${temp.join("plain.tar")}`;
    await give(`${remote}:1`, `${plain}:x.org/plain:1`);
    const sent = await copy(plain, `${remote}:plain`);
    assertStringIncludes(sent.stderr, "sent uncompressed");
    const packed = await copy(plain, `${remote}:packed`, "--compression", "gzip");
    assertEquals(packed.stderr.includes("warning"), false, packed.stderr);
    for (const tag of ["plain", "packed"]) {
      const config = JSON.parse(await skopeo("inspect", "--config", `${remote}:${tag}`));
      assertEquals(config.rootfs.diff_ids, image.layers.map(({ diffId }) => diffId));
    }

    // Docker's documents keep their bytes, also in a layout.
    await give("--format", "v2s2", `${remote}:1`, `${remote}:docker`);
    const docker = await digestOf(`${remote}:docker`);
    await copy(`${remote}:docker`, `oci:${temp.join("out")}:docker`);
    assertEquals((await copy(`oci:${temp.join("out")}:docker`, `${remote}:again`)).digest, docker);

    // All tags, with the names that skopeo lists.
    await copy("--all-tags", remote, `docker://${registry.host}/other/app`);
    const listed = async (name: string) =>
      JSON.parse(await skopeo("list-tags", `docker://${registry.host}/${name}`)).Tags;
    assertEquals(await listed("other/app"), await listed("team/app"));
    await registry.requests();
    await copy("--all-tags", remote, `docker://${registry.host}/other/app`);
    const asked = (await registry.requests()).map((line) => line.split(" ", 1)[0]);
    assertEquals(asked.filter((method) => method !== "HEAD"), ["GET"], "the list of tags");

    const archive = temp.join("podman.tar");
    await copy(`${remote}:1`, `docker-archive:${archive}:x.org/given:7`);
    const podman = podmanIn(temp);
    await run([...podman, "load", "-q", "-i", archive]);
    const { stdout } = await run([...podman, "image", "inspect", "x.org/given:7"]);
    assertEquals(`sha256:${JSON.parse(stdout)[0].Id}`, image.imageId);
  },
});
