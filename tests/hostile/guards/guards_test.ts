import { assert, assertEquals } from "@std/assert";
import { GUARDS } from "./guards.ts";

const PROJECT = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");

Deno.test("each guard of the list stands once in its file, and its test is there", async () => {
  assert(GUARDS.length >= 20);
  for (const { file, text, without, test } of GUARDS) {
    const parts = (await Deno.readTextFile(`${PROJECT}/${file}`)).split(text);
    assertEquals(parts.length, 2, `${file}: ${text}`);
    assert(text !== without, text);
    assert((await Deno.stat(`${PROJECT}/${test}`)).isFile);
  }
});
