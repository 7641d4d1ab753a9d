import { assertEquals, assertThrows } from "@std/assert";
import { parseEnvFile } from "../../../../../lib/cli/verbs/container/env_file.ts";

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
