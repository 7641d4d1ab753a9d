import { assertEquals } from "@std/assert";
import { importImage } from "../../../lib/image/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { pack, sha256Of } from "../../support/images/images.ts";
import { NOW_TEXT, reworkFixture, streamOf } from "../../support/images/memory_store.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";

const TAR = tarOf([{ name: "etc/" }, { name: "etc/motd", content: "hello\n" }]);
const platform = { os: "linux", architecture: "arm64", variant: "v8" };

for (const packing of ["none", "gzip", "zstd"] as const) {
  for (const how of ["stream", "file"] as const) {
    Deno.test(`import: a tar (${packing}, ${how}) stays unchanged`, async () => {
      await using temp = await tempDir();
      await using fixture = reworkFixture();
      const blob = pack(TAR, packing);
      await Deno.writeFile(temp.join("tar"), blob);
      const source = how === "file" ? temp.join("tar") : streamOf(blob);
      const made = await importImage(fixture.store, source, {
        ...fixture.as("example.org/root:1"),
        platform,
        config: { cmd: ["/bin/sh"] },
        comment: "by hand",
      });
      assertEquals(made.names, ["example.org/root:1"]);
      assertEquals(made.layers[0]?.diffId, sha256Of(TAR));
      assertEquals(made.layers[0]?.digest, sha256Of(blob));
      assertEquals(made.layers[0]?.size, blob.length);
      const { config, layers } = await fixture.read("example.org/root:1");
      const suffix = packing === "none" ? "" : `+${packing}`;
      assertEquals(
        layers[0]?.descriptor.mediaType,
        `application/vnd.oci.image.layer.v1.tar${suffix}`,
      );
      assertEquals(config.document, {
        created: NOW_TEXT,
        architecture: "arm64",
        os: "linux",
        variant: "v8",
        config: { Cmd: ["/bin/sh"] },
        rootfs: { type: "layers", diff_ids: [sha256Of(TAR)] },
        history: [{ created: NOW_TEXT, created_by: "varve import", comment: "by hand" }],
      });
    });
  }
}

Deno.test("import: a file that is not a layer leaves nothing", async () => {
  await using fixture = reworkFixture();
  const escape = tarOf([{ name: "../out", content: "x" }]);
  const cases: [string, Uint8Array][] = [
    ["E_PATH_ESCAPE", escape],
    ["E_TRUNCATED", TAR.subarray(0, 700)],
    ["E_TRUNCATED", new Uint8Array()],
    ["E_HEADER", new TextEncoder().encode("no tar at all ".repeat(100))],
  ];
  for (const [code, bytes] of cases) {
    const options = { ...fixture.as("bad:1"), platform };
    assertEquals(await codeOf(() => importImage(fixture.store, streamOf(bytes), options)), code);
  }
  assertEquals(fixture.store.images.list(), []);
  assertEquals(fixture.store.layers.list(), []);
});

Deno.test("import: malformed names and missing files are refused", async () => {
  await using fixture = reworkFixture();
  const { store } = fixture;
  const run = (name: string, source: string) => () =>
    importImage(store, source, { ...fixture.as(name), platform });
  assertEquals(await codeOf(run("ok:1", "/nowhere/at/all")), "E_NOT_FOUND");
  assertEquals(await codeOf(run("ok:1", "/tmp")), "E_USAGE");
  assertEquals(await codeOf(run("Not A Name", "/nowhere")), "E_USAGE");
  assertEquals(await codeOf(run(`app@${sha256Of("x")}`, "/nowhere")), "E_USAGE");
});

Deno.test("import: policy and limits apply, and an image archive gets a warning", async () => {
  await using fixture = reworkFixture();
  const said: string[] = [];
  const device = tarOf([
    { name: "dev/null", type: "char", major: 1, minor: 3 },
    { name: "oci-layout", content: "{}" },
  ]);
  const options = {
    ...fixture.as("device:1"),
    platform,
    onWarning: (message: string) => said.push(message),
  };
  const { store } = fixture;
  const policy = { devices: "reject" } as const;
  assertEquals(
    await codeOf(() => importImage(store, streamOf(device), { ...options, policy })),
    "E_TYPE",
  );
  assertEquals(
    await codeOf(() =>
      importImage(store, streamOf(device), { ...options, limits: { entries: 1 } })
    ),
    "E_LIMIT",
  );
  assertEquals(said, []);
  await importImage(store, streamOf(device), options);
  assertEquals(said.length, 1);
});
