import { assertEquals } from "@std/assert";
import { GROUPS, VERBS } from "../../../lib/cli/catalog.ts";
import { answer } from "../../../lib/cli/completion/answer.ts";
import { complete } from "../../../lib/cli/completion/complete.ts";
import { createProgram } from "../../../lib/cli/program.ts";
import { loadImages } from "../../../lib/archive/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { commandOn } from "../../support/cli/in_process.ts";
import { archiveTar, ociFiles } from "../../support/images/images.ts";
import { BASE, sampleImage } from "../../support/images/sample_image.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const program = await createProgram(() => Promise.resolve());
const values = (...words: string[]) =>
  complete(program, words).candidates.map(({ value }) => value);
const sources = (...words: string[]) => complete(program, words).sources;

Deno.test("completion: verbs, groups and their verbs", () => {
  const top = values("");
  for (const name of [...Object.keys(VERBS), ...Object.keys(GROUPS)]) {
    assertEquals(top.includes(name), true, name);
  }
  assertEquals(values("config", "").slice(0, 3), ["ls", "get", "set"]);
  assertEquals(values("--quiet", "--root", "/x", "snapshot", "").includes("prepare"), true);
});

Deno.test("completion: options of the verb, global options, and their values", () => {
  assertEquals(values("save", "--").includes("--oci-dir"), true);
  assertEquals(values("save", "--").includes("--format"), true);
  assertEquals(values("--").includes("--oci-dir"), false);
  assertEquals(values("save", "-o").includes("-o"), true);
  assertEquals(values("--format", ""), ["text", "json"]);
  assertEquals(values("save", "app", "--format="), ["--format=text", "--format=json"]);
  assertEquals(values("run", "--network", ""), ["host", "none"]);
  assertEquals(values("push", "app", "--compression", ""), ["gzip", "zstd", "none"]);
  assertEquals(sources("save", "app", "-o", ""), ["files"]);
  assertEquals(sources("save", "app", "--oci-dir", ""), ["directories"]);
  assertEquals(sources("run", "--workdir", ""), []);
  // A flag has no value, so the image comes next. After an unknown verb, verbs are offered.
  assertEquals(sources("run", "--rm", ""), ["images"]);
  assertEquals(values("nothing", "x", ""), values(""));
});

Deno.test("completion: arguments", () => {
  assertEquals(sources("load", ""), ["files"]);
  assertEquals(sources("load", "x", ""), []);
  assertEquals(sources("import", "./dir", ""), ["images"]);
  assertEquals(sources("mount", "app", ""), ["directories"]);
  assertEquals(sources("rmi", "a", "b", "c", ""), ["images"]);
  assertEquals(sources("commit", ""), ["snapshots"]);
  assertEquals(sources("export", ""), ["snapshots", "images"]);
  assertEquals(sources("tag", ""), ["images"]);
  assertEquals(sources("ls", ""), ["snapshots", "images", "paths"]);
  assertEquals(sources("find", "-name", "x", ""), ["snapshots", "images", "paths"]);
  assertEquals(sources("umount", ""), ["mounts"]);
  assertEquals(values("config", "set", "durability", ""), ["full", "none"]);
  assertEquals(values("config", "set", "workers", ""), []);
  assertEquals(sources("copy", ""), ["images", "places"]);
  const places = ["store:", "docker://", "oci:", "oci-archive:", "docker-archive:"];
  assertEquals([values("copy", ""), values("copy", "app", "")], [places, places]);
  assertEquals(sources("snapshot", "rm", ""), ["snapshots"]);
  assertEquals(sources("start", ""), ["containers"]);
  assertEquals(sources("run", "app", "--", "-"), ["files"]);
  assertEquals(values("config", "set", "").includes("limits.layer.entries"), true);
  assertEquals(values("completions", ""), ["bash", "zsh", "fish"]);
  assertEquals(values("help", "").slice(0, 2), ["names", "stores"]);
  assertEquals(values("help", "").includes("snapshot"), true);
});

Deno.test("completion: a question does not create a store", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  assertEquals(await answer(program, ["squash", ""], root), { candidates: [], files: "" });
  assertEquals(await Deno.stat(root).catch((error) => error.name), "NotFound");
  const { candidates, files } = await answer(program, ["lo"], root);
  assertEquals([candidates.map(({ value }) => value), files], [["load", "login", "logout"], ""]);
});

Deno.test("completion: paths inside of an image", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  {
    await using store = await openStore({ root, durability: "none" });
    await using pool = createPool({ inline: true });
    const archive = archiveTar(ociFiles([sampleImage({ layers: [BASE] })]));
    await loadImages(store, ReadableStream.from([archive]), { pool });
  }
  const name = "example.org/sample:1";
  const paths = async (typed: string, ...before: string[]) =>
    (await answer(program, [...before, typed], root)).candidates.map(({ value }) =>
      value.slice(name.length)
    );
  assertEquals(await paths(`${name}:/et`, "ls"), [":/etc/"]);
  assertEquals(await paths(`${name}:/etc/`, "cat"), [":/etc/mtab", ":/etc/passwd"]);
  assertEquals(await paths(`${name}:/home/../etc/p`, "diff"), [":/home/../etc/passwd"]);
  assertEquals(await paths(`${name}:/etc/passwd`, "find", "-name", "x"), [":/etc/passwd"]);
  // A name with blanks would be several words. One that is not UTF-8 can be given back as it is shown.
  const odd = await paths(`${name}:/odd/`, "cp");
  assertEquals(odd.includes(":/odd/latin-\\xe9\\xff"), true, `${odd}`);
  assertEquals(odd.some((path) => /\s/.test(path)), false);
  for (const none of [`${name}:/none/x`, `${name}:/etc/passwd/x`, "other:/etc", `${name}:etc`]) {
    assertEquals(await paths(none, "ls"), []);
  }
});

Deno.test("completion: bash gets no names of files that it would run", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const marks = [..."\\;&|<>()$`\"'*?[]{}!"].map((mark) => `x${mark}y`);
  {
    await using store = await openStore({ root, durability: "none" });
    await using pool = createPool({ inline: true });
    const names = ["plain", "ünï=1,2", ";id;", "$(id)", ...marks];
    const layer = names.map((name) => ({ name: `d/${name}` }));
    const archive = archiveTar(ociFiles([sampleImage({ layers: [layer] })]));
    await loadImages(store, ReadableStream.from([archive]), { pool });
  }
  const path = "example.org/sample:1:/d/";
  const offered = async (shell: string) => {
    const { stdout } = await commandOn(root)(["completions", shell, "cat", path]);
    return stdout.split("\n").filter((line) => line.startsWith(path))
      .map((line) => line.slice(path.length).split("\t", 1)[0]);
  };
  assertEquals(await offered("bash"), ["plain", "ünï=1,2"]);
  // These shells quote what they put into the command line.
  for (const shell of ["zsh", "fish"]) {
    assertEquals((await offered(shell)).length, 4 + marks.length, shell);
  }
});

Deno.test("completion: places of copy, names in them, and paths", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  {
    await using store = await openStore({ root, durability: "none" });
    await using pool = createPool({ inline: true });
    const archive = archiveTar(ociFiles([sampleImage({ layers: [BASE] })]));
    await loadImages(store, ReadableStream.from([archive]), { pool });
  }
  const all = async (...words: string[]) =>
    (await answer(program, ["copy", ...words], root)).candidates.map(({ value }) => value);
  assertEquals(await all("sto"), ["store:"]);
  assertEquals(await all("oci"), ["oci:", "oci-archive:"]);
  const name = "example.org/sample:1";
  assertEquals((await all("")).at(-1), name);
  assertEquals(await all("store:"), [`store:${name}`]);
  assertEquals(await all("app", "store:ex"), [`store:${name}`]);
  assertEquals(await all("docker://ex"), [`docker://${name}`]);
  assertEquals(await all("store:other"), []);
  await Deno.mkdir(temp.join("layout"));
  await Deno.symlink("layout", temp.join("link"));
  await Deno.symlink("nowhere", temp.join("lost"));
  for (const file of ["layer.tar", "two words", "x:1", ".hidden"]) {
    await Deno.writeTextFile(temp.join(file), "");
  }
  const paths = async (place: string, typed = "") =>
    (await all(`${place}${temp.join("")}${typed}`)).map((value) => {
      assertEquals(value.startsWith(`${place}${temp.join("")}`), true, value);
      return value.slice(`${place}${temp.join("")}`.length);
    });
  assertEquals(await paths("oci:"), ["layout/", "link/", "store/"]);
  assertEquals(await paths("oci-archive:", "l"), ["layer.tar", "layout/", "link/", "lost"]);
  assertEquals(await paths("docker-archive:", "."), [".hidden"]);
  assertEquals(await paths("oci:", "none/x"), []);
  assertEquals(await paths("oci-archive:", "layer.tar/x"), []);
});
