import { assertEquals, assertStringIncludes } from "@std/assert";
import { run } from "../machine/process.ts";
import { tempDir } from "../machine/temp_dir.ts";
import { lazyBuiltins } from "./lazy_builtins.ts";

/** Code as the bundler writes it. It uses each kind of export, in each way. */
const CODE = `import { EventEmitter } from "node:events";
import fs from "node:fs";
import { createHash, hash as hash2 } from "node:crypto";
import { constants, Gzip } from "node:zlib";
import { DatabaseSync } from "node:sqlite";
import { createRequire as __deno_internal_createRequire } from "node:module";
var __require = __deno_internal_createRequire(import.meta.url);

class Command extends EventEmitter {}
const command = new Command();
const heard = [];
command.on("a", (...values) => heard.push(values));
command.on("a", function () { heard.push(this === command); });
const use = () => [
  [command.emit("a", 1, 2), command.emit("b"), command.listenerCount("a"), command.listenerCount("b")],
  heard,
  createHash("sha256").update("a").digest("hex") === hash2("sha256", "a", "hex"),
  constants.Z_SYNC_FLUSH, "Z_SYNC_FLUSH" in constants,
  new Gzip().constructor.name,
  fs.existsSync("/"),
  __require("node:path").basename("/a/b"),
  typeof DatabaseSync,
];
`;

async function told(code: string): Promise<unknown> {
  await using temp = await tempDir();
  await Deno.writeTextFile(temp.join("code.js"), code);
  const { stdout } = await run([Deno.execPath(), "run", "-A", "--no-config", temp.join("code.js")]);
  return JSON.parse(stdout);
}

Deno.test("lazy builtins: code does the same with its imports made lazy", async () => {
  const shows = "console.log(JSON.stringify(use()));\n";
  const lazy = lazyBuiltins(CODE);
  assertEquals(await told(lazy + shows), await told(CODE + shows));
  assertEquals(lazy.match(/^import .*$/gm), ['import { DatabaseSync } from "node:sqlite";']);
});

Deno.test("lazy builtins: a module is loaded when it is used, not before", async () => {
  const watch = `const loaded = [];
    const { getBuiltinModule } = process;
    process.getBuiltinModule = (name) => (loaded.push(name), getBuiltinModule(name));
    const before = [...loaded];
    createHash("sha256");
    console.log(JSON.stringify([before, loaded]));`;
  assertEquals(await told(`${lazyBuiltins(CODE)}${watch}`), [[], ["node:crypto"]]);
});

Deno.test("lazy builtins: code without such imports stays as it is", () => {
  const code = `import { a } from "./a.js";\nconst text = 'import fs from "node:fs";';\n`;
  assertEquals(lazyBuiltins(code), code);
  assertStringIncludes(lazyBuiltins(`import fs from "node:fs";`), "const fs = ");
});
