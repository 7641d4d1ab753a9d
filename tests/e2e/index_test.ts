/** `varve index`: indexes of images of the store, as a user makes and changes them. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openStore } from "../../lib/store/mod.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, type BuiltImage, ociFiles } from "../support/images/images.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";

const ARCHITECTURES = ["amd64", "arm64", "riscv64", "s390x"] as const;
const built: readonly BuiltImage[] = ARCHITECTURES.map((architecture) =>
  buildImage({
    name: `docker.io/library/app:${architecture}`,
    layers: [[{ name: "arch", content: architecture }]],
    config: { architecture },
  })
);
const [amd, arm] = built as [BuiltImage, BuiltImage];

/** A store with an image for each architecture. */
async function fixture(temp: TempDir) {
  const varve = commandOn(temp.join("store"));
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(args);
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles(built)));
  await ok("load", temp.join("app.tar"));
  return {
    varve,
    ok,
    json: async (...args: string[]) => JSON.parse(await ok(...args, "--format", "json")),
  };
}

Deno.test("an index is made, listed, changed, read by platform, saved and freed", async () => {
  await using temp = await tempDir("varve-index-");
  const { varve, ok, json } = await fixture(temp);
  const made = await json(
    "index",
    "create",
    "app:1",
    "app:amd64",
    "app:arm64",
    "--annotation",
    "a=b",
  );
  assertEquals([made.name, made.annotations], ["docker.io/library/app:1", { a: "b" }]);
  assertEquals(await json("index", "ls", "app:1"), made);
  assertEquals(made.manifests[1], {
    digest: arm.descriptor.digest,
    mediaType: arm.descriptor.mediaType,
    platform: "linux/arm64",
    size: arm.descriptor.size,
    annotations: {},
    artifactType: null,
    attests: null,
    present: true,
  });
  assertMatch(
    await ok("index", "ls", "app:1"),
    new RegExp(
      `^DIGEST .*HERE\\n${amd.descriptor.digest.slice(7, 19)} +linux/amd64 +image +\\d+ +yes\\n`,
    ),
  );
  for (const architecture of ["amd64", "arm64"]) {
    assertEquals(await ok("cat", "app:1:/arch", "--platform", architecture), architecture);
  }
  // A tar and a layout hold the same index.
  await ok("save", "app:1", "-o", temp.join("saved.tar"));
  await ok("save", "app:1", "--oci-dir", temp.join("layout"));
  for (const source of [`${temp.join("saved.tar")}`, temp.join("layout")]) {
    const { images: [loaded] } = await json("load", source, "--name", "loaded:1");
    assertEquals(loaded.manifest, made.digest);
  }
  await ok("rmi", "loaded:1");

  const described = ["--desc-annotation", "c=d", "--desc-platform", "linux/amd64/v2"];
  await ok("index", "add", "app:1", "app:amd64", ...described);
  const added = await json("index", "add", "app:1", "app:riscv64", "app:s390x");
  assertEquals(
    added.manifests.map((one: Record<string, unknown>) => [one.platform, one.annotations]),
    [
      ["linux/amd64/v2", { c: "d" }],
      ["linux/arm64", {}],
      ["linux/riscv64", {}],
      ["linux/s390x", {}],
    ],
  );
  assertStringIncludes(await ok("index", "ls", "app:1"), "c=d");
  await ok("rmi", ...ARCHITECTURES.map((architecture) => `app:${architecture}`));
  await ok("gc");
  assertEquals(await ok("cat", "app:1:/arch", "--platform", "s390x"), "s390x");
  const [, , riscv] = added.manifests;
  await ok("index", "rm", "app:1", "linux/s390x", riscv.digest.slice(7, 17));
  await ok("gc");
  assertEquals((await json("images")).map(({ name }: { name: string }) => name), [made.name]);
  {
    await using store = await openStore({ root: temp.join("store"), durability: "none" });
    assertEquals(store.blobs.stat(riscv.digest), undefined);
    assertEquals(store.layers.list().length, 2);
  }
  await ok("fsck", "--deep");
  await ok("rmi", "app:1");
  await ok("gc");
  {
    await using store = await openStore({ root: temp.join("store"), durability: "none" });
    assertEquals([store.blobs.list(), store.layers.list()], [[], []]);
  }
  for (
    const [args, code, said] of [
      [["add", "app:1", "app:amd64"], 4, "'varve index create' makes an index of images"],
      [["ls", "app:1"], 4, "'varve images' lists them"],
      [["create", "app:1", "app:1", "--desc-annotation", "x"], 2, "--desc-annotation x=VALUE"],
      [["create", "app:1", "app:1", "--platform", "x"], 2, "nor a known architecture"],
      [["rm", "app:1", "app:arm64"], 2, "neither a digest nor a platform"],
    ] as const
  ) {
    const { code: actual, stderr } = await varve(["index", ...args]);
    assertEquals(actual, code, stderr);
    assertStringIncludes(stderr, said);
  }
});

Deno.test("a platform that an image claims controls no terminal and begins no line", async () => {
  await using temp = await tempDir("varve-index-");
  const varve = commandOn(temp.join("store"));
  const image = buildImage({
    name: "docker.io/library/esc:1",
    layers: [],
    config: { architecture: "\x1b[31mred\nforged" },
  });
  await Deno.writeFile(temp.join("esc.tar"), archiveTar(ociFiles([image])));
  await varve(["load", temp.join("esc.tar")]);
  for (
    const args of [
      ["create", "both:1", "esc:1", "--annotation", "a\x1b=\x1b[2J"],
      ["ls", "both:1"],
      ["add", "both:1", "esc:1", "--desc-annotation", "b=\x1b[2J"],
      ["ls", "both:1", "--no-trunc"],
      ["rm", "both:1", "linux/amd64"],
      ["create", "other:1", "both:1", "--platform", "linux/amd64"],
    ]
  ) {
    for (const terminals of [[], ["stdout", "stderr"]] as const) {
      const { stdout, stderr } = await varve(["index", ...args], { terminals });
      const printed = stdout + stderr;
      assertEquals([printed.includes("\x1b["), /^forged/m.test(printed)], [false, false], printed);
    }
  }
});

Deno.test("no change of an index is lost among several at the same time", async () => {
  await using temp = await tempDir("varve-index-");
  const { ok, json } = await fixture(temp);
  await ok("index", "create", "app:1", "app:amd64");
  await Promise.all([
    ...ARCHITECTURES.slice(1).map((architecture) =>
      ok("index", "add", "app:1", `app:${architecture}`)
    ),
    ok("index", "add", "app:1", "app:amd64", "--annotation", "a=b"),
  ]);
  const { annotations, manifests } = await json("index", "ls", "app:1");
  assertEquals(annotations, { a: "b" });
  const platforms = manifests.map(({ platform }: { platform: string }) => platform);
  assertEquals(platforms.sort(), ARCHITECTURES.map((architecture) => `linux/${architecture}`));
});
