/** A push says which layers it sends uncompressed, and never takes a registry for an image of Docker Hub. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { servedStore } from "../support/registry/served_store.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const WARNING = /warning: 1 layer was sent uncompressed \([^)]+\); --compression zstd or gzip/;

Deno.test({
  name: "push: layers that are sent uncompressed are counted, with the option",
  // Compression opens a library of this machine, and an open library stays open.
  sanitizeResources: false,
  fn: async () => {
    await using temp = await tempDir("varve-push-");
    await using server = await servedStore(temp.join("served"));
    const on = commandOn(temp.join("store"));
    await Deno.mkdir(temp.join("root"));
    await Deno.writeTextFile(temp.join("root/file"), "text");
    assertEquals((await on(["import", temp.join("root"), "app:1"])).code, 0);
    const push = async (...args: string[]) => {
      const { code, stderr } = await on(["push", "app:1", ...args], { env: {} });
      assertEquals(code, 0, stderr);
      return stderr;
    };
    assertMatch(await push(`${server.host}/plain:1`), WARNING);
    const silent = [
      // The registry has the layer.
      [`${server.host}/plain:2`],
      [`${server.host}/none:1`, "--compression", "none"],
      [`${server.host}/gzip:1`, "--compression", "gzip"],
      [`${server.host}/plain:3`, "--quiet"],
    ];
    for (const args of silent) assertEquals((await push(...args)).includes("uncompressed"), false);
  },
});

Deno.test("push, pull and copy refuse a registry without a repository before any request", async () => {
  await using temp = await tempDir("varve-push-");
  await using server = await servedStore(temp.join("served"));
  const on = commandOn(temp.join("store"));
  await Deno.mkdir(temp.join("root"));
  assertEquals((await on(["import", temp.join("root"), "app:1"])).code, 0);
  assertEquals((await on(["tag", "app:1", server.host])).code, 0);
  for (
    const args of [
      ["push", "app:1", server.host],
      ["push", server.host],
      ["pull", server.host],
      ["copy", "localhost:1/a:1", server.host],
      ["copy", server.host, "localhost:1/a:1"],
    ]
  ) {
    const { code, stderr } = await on(args);
    assertEquals(code, 2, `${args}: ${stderr}`);
    assertStringIncludes(
      stderr,
      `${server.host}: a registry without a repository (write ${server.host}/`,
    );
  }
});
