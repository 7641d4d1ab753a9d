import { assertEquals } from "@std/assert";
import { listFolder, PROJECT, toUrl } from "./sources.ts";
import { makeTree } from "./tree_fixture.ts";

async function deno(args: string[], cwd: string): Promise<{ success: boolean; text: string }> {
  const out = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { success: out.success, text: decoder.decode(out.stdout) + decoder.decode(out.stderr) };
}

Deno.test("importing mod.ts needs no permission and names something", async () => {
  await using tree = await makeTree({
    "use.ts": `
      import * as varve from ${JSON.stringify(toUrl(PROJECT, "mod.ts"))};
      console.log(Object.keys(varve).length > 5);`,
  });
  const args = ["run", "--no-prompt", "--no-lock", "--no-check", "--config"];
  const { success, text } = await deno([...args, `${PROJECT}/deno.json`, "use.ts"], tree.path);
  assertEquals({ success, text }, { success: true, text: "true\n" });
});

Deno.test("the export ./cli is the command when it runs, and a library when it is imported", async () => {
  const { version, exports } = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
  const main = new URL(exports["./cli"], `file://${PROJECT}/`).href;
  await using tree = await makeTree({
    "use.ts": `
      import { runCli, VERSION } from ${JSON.stringify(main)};
      console.log(typeof runCli, VERSION);`,
  });
  const args = ["run", "-A", "--no-lock", "--no-check", "--config", `${PROJECT}/deno.json`];
  const command = await deno([...args, main, "--version"], tree.path);
  assertEquals(command, { success: true, text: `${version}\n` });
  const library = await deno([...args, "use.ts"], tree.path);
  assertEquals(library, { success: true, text: `function ${version}\n` });
});

Deno.test("the linter of deno.json runs the plug-in", async () => {
  const files: Record<string, string> = {
    "lib/oci/bad.ts": "/** Doc. */\nexport const bad: number = Date.now();\n",
    "lib/oci/good.ts": "/** Doc. */\nexport const good: number = 1;\n",
  };
  const rules = (await listFolder(PROJECT, "tests/law")).filter((p) => !p.endsWith("_test.ts"));
  for (const path of rules) files[path] = await Deno.readTextFile(`${PROJECT}/${path}`);
  const { lint } = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
  files["deno.json"] = JSON.stringify({ lint });
  await using tree = await makeTree(files);
  const bad = await deno(["lint", "lib/oci/bad.ts"], tree.path);
  assertEquals(bad.success, false, bad.text);
  assertEquals(bad.text.includes("varve/pure"), true, bad.text);
  const good = await deno(["lint", "lib/oci/good.ts"], tree.path);
  assertEquals(good.success, true, good.text);
});

Deno.test("every worker entry is in the module graph of mod.ts, where deno cache and deno compile look", async () => {
  const { text } = await deno(["info", "--json", "--no-lock", "mod.ts"], PROJECT);
  const modules: { readonly specifier: string }[] = JSON.parse(text).modules;
  const graph = new Set(modules.map(({ specifier }) => specifier));
  const entries = await listFolder(PROJECT, "workers");
  const missing = entries.filter((entry) => !graph.has(toUrl(PROJECT, entry)));
  assertEquals([entries.length > 0, missing], [true, []]);
});
