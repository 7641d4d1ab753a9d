import { assertEquals } from "@std/assert";
import { KeyReader } from "../../../../../../lib/cli/verbs/explore/terminal/keys.ts";

function keysOf(...parts: readonly string[]): string[] {
  const reader = new KeyReader();
  return parts.flatMap((part) => reader.read(new TextEncoder().encode(part)));
}

Deno.test("keys: characters, control keys and sequences, as terminals send them", () => {
  assertEquals(keysOf("qé😀 "), ["q", "é", "😀", " "]);
  assertEquals(
    keysOf("\x01\x02\x03\x05\x06\x0c\x12\x15"),
    [
      ..."abceflru",
    ].map((letter) => `ctrl-${letter}`),
  );
  assertEquals(keysOf("\t\r\x00\x7f\x08\x1f"), [
    "tab",
    "enter",
    "ctrl-space",
    "backspace",
    "backspace",
    "ctrl-slash",
  ]);
  assertEquals(keysOf("\x1b[A\x1b[B\x1bOC\x1bOD\x1b[5~\x1b[6~\x1b[H\x1b[4~\x1b[Z"), [
    "up",
    "down",
    "right",
    "left",
    "page-up",
    "page-down",
    "home",
    "end",
    "back-tab",
  ]);
  // Escape alone; what comes later is no part of it.
  assertEquals(keysOf("\x1b", "q"), ["escape", "q"]);
});

Deno.test("keys: unknown sequences are left out, and a sequence may come in parts", () => {
  assertEquals(keysOf("\x1b[1;5Aa\x1b[200~b\x1b[?1;2c"), ["a", "b"]);
  assertEquals(keysOf("\x1b[", "5", "~\x1b[", "A"), ["page-up", "up"]);
  const reader = new KeyReader();
  const bytes = new TextEncoder().encode("é");
  assertEquals([...reader.read(bytes.subarray(0, 1)), ...reader.read(bytes.subarray(1))], ["é"]);
  // What never ends is not collected for ever.
  assertEquals(keysOf(`\x1b[${"1".repeat(100)}`).length > 90, true);
});
