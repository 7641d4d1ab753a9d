import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import {
  checkKey,
  keptLabels,
  MAX_KEY_BYTES,
  MAX_LABEL_BYTES,
  quoteKey,
} from "../../../lib/snapshot/keys.ts";

function code(act: () => unknown): string {
  try {
    act();
    return "ok";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

Deno.test("any text is a key, up to its length", () => {
  for (const key of ["a", "../x", "/", "extract-1-x sha256:ab", "ключ", "e\u0301", "\u{1F600}"]) {
    assertEquals(code(() => checkKey(key)), "ok");
  }
  for (const key of ["", "a\0", "a\n", "\x7f", "\ud800"]) {
    assertEquals(code(() => checkKey(key)), "E_USAGE");
  }
  assertEquals(code(() => checkKey("x".repeat(MAX_KEY_BYTES))), "ok");
  assertEquals(code(() => checkKey("x".repeat(MAX_KEY_BYTES + 1))), "E_USAGE");
  assertEquals(code(() => checkKey("é".repeat(MAX_KEY_BYTES / 2))), "ok");
  assertEquals(code(() => checkKey("é".repeat(MAX_KEY_BYTES / 2) + "x")), "E_USAGE");
});

Deno.test("the error of a key shows no control character", () => {
  const error = assertThrows(() => checkKey("a\x1b[31m"), VarveError) as VarveError;
  assertEquals(error.message.includes("\x1b"), false);
  assertEquals(quoteKey("x".repeat(500)).length, 203);
});

Deno.test("labels: the limit holds for key and value together; a label with an empty value is left out", () => {
  const label = (key: number, value: number) => ({ ["k".repeat(key)]: "v".repeat(value) });
  assertEquals(code(() => keptLabels(label(96, MAX_LABEL_BYTES - 96))), "ok");
  assertEquals(code(() => keptLabels(label(96, MAX_LABEL_BYTES - 95))), "E_USAGE");
  assertEquals(code(() => keptLabels({ "": "x" })), "E_USAGE");
  assertEquals(keptLabels({ a: "", b: "1", "": "" }), { b: "1" });
  const odd = JSON.parse('{"__proto__":"x"}');
  assertEquals(JSON.stringify(keptLabels(odd)), '{"__proto__":"x"}');
});
