/** `--plain-http`: each verb that can reach a registry has it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { SECTIONS } from "../../lib/cli/catalog.ts";
import { createProgram } from "../../lib/cli/program.ts";
import { Api, NAME, pushSample } from "../conformance/registry_api.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { servedStore } from "../support/registry/served_store.ts";

/** Verbs of these headings reach a registry, but for those that have nothing to do with one. */
const REGISTRIES = SECTIONS["Registries"]?.filter((name) => !["logout", "registry"].includes(name));
const READERS = [...SECTIONS["Look inside"] ?? [], "inspect", "history", "layers"];

Deno.test("each verb that can reach a registry has --plain-http", async () => {
  const program = await createProgram(() => Promise.resolve());
  const wanted = ["pull", "push", "copy", "fsck", ...REGISTRIES ?? [], ...READERS];
  const have = program.commands.filter(({ options }) =>
    options.some(({ long }) => long === "--plain-http")
  );
  assertEquals(have.map((one) => one.name()).sort(), wanted.sort());
});

Deno.test("--plain-http reads from a registry without TLS that is not on loopback by name", async () => {
  await using temp = await tempDir();
  await using server = await servedStore(temp.join("served"), {
    args: ["--any-address", "--listen", "0.0.0.0:0"],
  });
  await pushSample(new Api(`http://127.0.0.1:${server.port}`));
  const varve = commandOn(temp.join("store"));
  const image = `docker://0.0.0.0:${server.port}/${NAME}:1`;
  const tls = await varve(["history", image]);
  assertEquals(tls.code, 10);
  assertStringIncludes(tls.stderr, "give --plain-http");
  for (const args of [["history", image], ["ls", image], ["digest", image.slice(9)]]) {
    const { code, stderr } = await varve([...args, "--plain-http", "--quiet"]);
    assertEquals([code, stderr], [0, ""]);
  }
});
