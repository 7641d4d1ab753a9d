import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseEnvFile, readEnvFile } from "../../../../../lib/cli/verbs/container/env_file.ts";
import { VarveError } from "../../../../../lib/errors.ts";
import { tempDir } from "../../../../support/machine/temp_dir.ts";

Deno.test("a file of variables: comments, names alone, and values as they are", () => {
  const text = '# a comment\n\nA=1\r\n  B= two words \nC="quoted"\nD=a=b # no comment\nE\nF=\n';
  assertEquals(parseEnvFile("f", text), [
    "A=1",
    "B= two words ",
    'C="quoted"',
    "D=a=b # no comment",
    "E",
    "F=",
  ]);
  assertEquals(parseEnvFile("f", ""), []);
});

Deno.test("a file of variables: a line that is none is refused with its number", () => {
  for (const wrong of ["=x", "A B=1", "a b", "A=\0"]) {
    assertThrows(() => parseEnvFile("file", `OK=1\n${wrong}\n`), Error, "Cannot read file: line 2");
  }
});

Deno.test("a file of variables is read up to its limit, also where it has no end", async () => {
  await using temp = await tempDir();
  const path = temp.join("env");
  const value = "x".repeat(1024 * 1024 - 2);
  await Deno.writeTextFile(path, `A=${value}`);
  assertEquals(await readEnvFile(path), [`A=${value}`]);
  await Deno.writeTextFile(path, "y", { append: true });
  for (const large of [path, "/dev/zero"]) {
    const error = await assertRejects(() => readEnvFile(large), VarveError);
    assertEquals(error.code, "E_LIMIT");
  }
});

Deno.test("a file of variables: what is not UTF-8 is refused, not changed", async () => {
  await using temp = await tempDir();
  const path = temp.join("variables");
  await Deno.writeFile(path, new Uint8Array([0x41, 0x3d, 0x63, 0x61, 0x66, 0xe9, 0x0a]));
  await assertRejects(() => readEnvFile(path), Error, `Cannot read ${path}: it is not UTF-8`);
  await Deno.writeTextFile(path, "A=café\n");
  assertEquals(await readEnvFile(path), ["A=café"]);
});
