/** A name stays the platform that it was given for, and --platform chooses one anywhere. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { findImage, openStore, readImage } from "../../lib/store/mod.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { Cli } from "../support/cli/cli.ts";
import {
  archiveTar,
  blobPath,
  buildImage,
  describe,
  jsonBytes,
  ociFiles,
} from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { servedStore } from "../support/registry/served_store.ts";
import { WITHOUT_PARTS } from "../support/old_stores/without_parts.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const HOST = Deno.build.arch === "x86_64" ? "amd64" : "arm64";
const OTHER = HOST === "amd64" ? "arm64" : "amd64";

const built = [HOST, OTHER].map((architecture) =>
  buildImage({
    layers: [[{ name: "base" }], [{ name: "arch", content: architecture }]],
    config: { architecture, created: "2020-01-01T00:00:00Z" },
  })
);
const [host, other] = built as [typeof built[0], typeof built[0]];
const index = jsonBytes({
  schemaVersion: 2,
  mediaType: INDEX,
  manifests: built.map(({ descriptor }, at) => ({
    ...descriptor,
    platform: { os: "linux", architecture: at === 0 ? HOST : OTHER },
  })),
});
const target = describe(INDEX, index);

/** An OCI layout with one index of two platforms. */
function layout(): Uint8Array<ArrayBuffer> {
  const files = new Map(ociFiles(built));
  files.set(blobPath(target.digest), index);
  files.set(
    "index.json",
    jsonBytes({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [{ ...target, annotations: { "io.containerd.image.name": "x.org/both:1" } }],
    }),
  );
  return archiveTar(files);
}

async function fixture() {
  const temp = await tempDir("varve-platforms-");
  const root = temp.join("store");
  const varve = commandOn(root);
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(args, { stdin: layout() });
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const named = ["--platform", `linux/${OTHER}`, "--name", "x:1"];
  return { temp, root, varve, ok, named, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

Deno.test("a name stays the platform that it was loaded for, whatever else is loaded", async () => {
  await using on = await fixture();
  const { ok, named, varve } = on;
  await ok("load", "-", ...named);
  const arch = async (...args: string[]) => await ok("cat", ...args);
  assertEquals(await arch("x:1:/arch"), OTHER);
  await ok("load", "-");
  assertEquals(await arch("x:1:/arch"), OTHER);
  assertEquals(await arch("x.org/both:1:/arch"), HOST);
  assertEquals(await arch("x.org/both:1:/arch", "--platform", OTHER), OTHER);
  await ok("tag", "x:1", "y:1");
  await ok("tag", "--platform", OTHER, "x.org/both:1", "z:1");
  for (const name of ["y:1:/arch", "z:1:/arch"]) assertEquals(await arch(name), OTHER);
  // A digest means its content.
  assertEquals(await arch(`${other.imageId}:/arch`), OTHER);
  assertEquals(await arch(`${host.imageId}:/arch`), HOST);
  assertEquals(await arch(`${target.digest}:/arch`), HOST);
  assertEquals(await arch(`x.org/both:1@${other.descriptor.digest}:/arch`), OTHER);
  // Given again without a platform, the name has none.
  await ok("load", "-", "--name", "x:1");
  assertEquals(await arch("x:1:/arch"), HOST);
  const { code, stderr } = await varve(["ls", "x:1", "--platform", "linux/s390x"]);
  assertEquals(code, 7);
  assertStringIncludes(stderr, "linux/s390x");
  const absent = await varve(["tag", "--platform", "linux/s390x", "x:1", "w:1"]);
  assertEquals([absent.code, (await varve(["ls", "w:1"])).code], [7, 4]);
});

Deno.test("images shows all platforms that are here", async () => {
  await using on = await fixture();
  const { ok, named } = on;
  await ok("load", "-", ...named);
  await ok("load", "-");
  const rows: {
    name: string;
    imageId: string;
    platform: string;
    manifest: string;
    platforms: { platform: string; imageId: string; manifest: string }[];
  }[] = JSON.parse(await ok("images", "--format", "json"));
  assertEquals(
    rows.map(({ name, platform, platforms }) => [name, platform, platforms.map((p) => p.platform)]),
    [
      ["docker.io/library/x:1", `linux/${OTHER}`, [`linux/${OTHER}`]],
      ["x.org/both:1", `linux/${HOST}`, [`linux/${HOST}`, `linux/${OTHER}`]],
    ],
  );
  assertEquals(rows.map(({ manifest }) => manifest), [target.digest, target.digest]);
  assertEquals(rows[1]?.platforms[1]?.manifest, other.descriptor.digest);
  const lines = (await ok("images")).trimEnd().split("\n").slice(1);
  assertEquals(lines.length, 3);
  assertStringIncludes(lines[2] ?? "", `linux/${OTHER}`);
});

Deno.test({
  name: "--platform is an option of every verb that reads an image",
  // unpack opens the C library, and an open library stays open.
  sanitizeResources: false,
  fn: async () => {
    await using on = await fixture();
    const { ok, named, temp } = on;
    await ok("load", "-");
    const own = async (...args: string[]) => await ok(...args, "--platform", OTHER);
    const both = "x.org/both:1";
    const tar = temp.join("layer.tar");
    await Deno.writeFile(tar, other.layers[0]?.tar ?? new Uint8Array());
    assertStringIncludes(await own("ls", both), "arch");
    assertEquals(await own("cat", `${both}:/arch`), OTHER);
    for (const verb of ["stat", "tree"]) {
      const path = verb === "stat" ? ":/arch" : "";
      const [here, there] = [await ok(verb, both + path), await own(verb, both + path)];
      assertEquals(here === there, false, verb);
    }
    assertEquals(await own("diff", both), "A /arch\n");
    assertStringIncludes(await own("inspect", both), other.imageId);
    assertStringIncludes(await own("history", both), other.layers[1]?.diffId.slice(7, 19) ?? "");
    assertStringIncludes(await own("layers", both), other.layers[1]?.diffId.slice(7, 19) ?? "");
    await own("unpack", both, temp.join("files"));
    assertEquals(await Deno.readTextFile(temp.join("files/arch")), OTHER);
    await own("export", both, "-o", temp.join("flat.tar"));
    await ok("import", temp.join("flat.tar"), "flat:1");
    assertEquals(await ok("cat", "flat:1:/arch"), OTHER);
    await own("append", both, tar, "made:1");
    await own("squash", both, "made:2");
    await own("rebase", both, both, both, "made:3");
    for (const name of ["made:1", "made:2"]) {
      assertEquals(await ok("cat", `${name}:/arch`), OTHER);
      assertStringIncludes(await ok("inspect", name), `"platform": "linux/${OTHER}"`);
    }
    // The bases of an image for another platform are those of that platform.
    await ok("load", "-", ...named);
    await ok("append", "x:1", tar, "own:1");
    await ok("rebase", "own:1", both, both, "own:2");
    for (const verb of ["run", "mount", "push", "save", "snapshot prepare", "snapshot view"]) {
      assertStringIncludes(await ok(...verb.split(" "), "--help"), "--platform");
    }
  },
});

Deno.test("save and push send what the name was given for", async () => {
  await using on = await fixture();
  const { ok, named, temp } = on;
  await ok("load", "-", ...named);
  await ok("load", "-");
  for (const [name, digest] of [["x:1", other.descriptor.digest], ["both:1", target.digest]]) {
    const saved = temp.join(`${name}.tar`);
    await ok("save", name === "x:1" ? name : `x.org/${name}`, "-o", saved);
    const copy = commandOn(temp.join(`copy-${name}`));
    const loaded = await copy(["load", saved, "--format", "json"]);
    assertEquals(JSON.parse(loaded.stdout).images[0].manifest, digest, loaded.stderr);
  }
  await using server = await servedStore(temp.join("served"));
  await ok("push", "x:1", `${server.host}/team/x:1`);
  const manifest = JSON.parse(await ok("digest", `${server.host}/team/x:1`, "--format", "json"));
  assertEquals(manifest.digest, other.descriptor.digest);
  // A pull for a platform keeps it, too.
  await ok("push", "x.org/both:1", `${server.host}/team/both:1`);
  const pulled = new Cli(temp.join("pulled"));
  const all = `${server.host}/team/both:1`;
  await pulled.text(["pull", all, "--platform", OTHER]);
  await pulled.text(["pull", `${all}@${target.digest}`]);
  assertEquals(await pulled.text(["cat", `${all}:/arch`]), OTHER);
  assertEquals(await pulled.text(["cat", `${all}@${target.digest}:/arch`]), HOST);
  await pulled.text(["pull", all]);
  assertEquals(await pulled.text(["cat", `${all}:/arch`]), HOST);
});

Deno.test("a store of the schema before platforms opens, and its names have none", async () => {
  await using on = await fixture();
  const { ok, root } = on;
  await ok("load", "-");
  {
    using db = new DatabaseSync(`${root}/meta.db`);
    for (const sql of WITHOUT_PARTS) db.exec(sql);
    db.exec("ALTER TABLE image DROP COLUMN platform; PRAGMA user_version = 4");
  }
  await using store = await openStore({ root, durability: "none" });
  const record = await findImage(store, "x.org/both:1");
  assertEquals([record.platform, record.target.digest as string], [undefined, target.digest]);
  const platform = { os: "linux", architecture: OTHER };
  store.images.set("kept", record.target, { platform });
  assertEquals(store.images.get("kept")?.platform, platform);
  assertEquals(
    (await readImage(store, await findImage(store, "kept"))).imageId,
    other.imageId as never,
  );
  store.images.set("kept", record.target);
  assertEquals(store.images.get("kept")?.platform, undefined);
});
