/** Rows F15 of the JSON itself. */
import { assert, assertEquals } from "@std/assert";
import { VarveError } from "../../lib/errors.ts";
import { parseStrictJson } from "../../lib/oci/mod.ts";
import { threadCpuTime } from "../support/machine/cpu_time.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

/** The code that a call ends with, `"OK"` when it does not fail. */
function verdict(call: () => unknown): string {
  try {
    call();
    return "OK";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

Deno.test("F15 what is not strict JSON is refused", () => {
  const bad = [
    "\ufeff{}",
    "{} {}",
    "{}x",
    "NaN",
    "Infinity",
    "-",
    "01",
    "1.",
    ".5",
    "1e",
    "+1",
    "0x1",
    "1e999",
    "'a'",
    '"\n"',
    '"\\x41"',
    '"\\u12"',
    '"a',
    "[1,]",
    "[1 2]",
    "{a:1}",
    '{"a":1,}',
    '{"a"}',
    "nul",
    "// c\n1",
    "",
    " ",
  ];
  for (const text of bad) {
    assertEquals(verdict(() => parseStrictJson(utf8(text))), "E_JSON", JSON.stringify(text));
  }
  for (const raw of [[0xff], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]]) {
    assertEquals(verdict(() => parseStrictJson(new Uint8Array(raw))), "E_JSON", `${raw}`);
  }
});

Deno.test("F15 long strings, keys and lists take linear time", () => {
  const escapes = utf8(`"${"\\u0041".repeat(600_000)}"`);
  const keys = utf8(`{${Array.from({ length: 200_000 }, (_, i) => `"k${i}":0`).join(",")}}`);
  const spaces = utf8(" ".repeat(4_000_000) + "1");
  const begun = threadCpuTime();
  const maxValues = 200_001;
  for (const value of [escapes, keys, spaces]) parseStrictJson(value, { maxValues });
  const work = threadCpuTime() - begun;
  assert(work < 5000, `${work} ms of CPU`);
});
