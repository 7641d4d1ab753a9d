import { assert, assertEquals } from "@std/assert";
import {
  escapeForTerminal,
  escapeJson,
  escapeLines,
  escapeText,
  flattenText,
  fromText,
} from "../../../lib/bytes/mod.ts";

/** What a terminal obeys or does not show: one of each kind. */
const UNSAFE = [
  ..."\0\x07\x1b\x7f\u0080\u009b",
  ..."\u00ad\u034f\u0600\u061c\u115f\u180e\u200b\u200d\u200e\u202e\u2028\u2029\u2060\u2066\u2069\u3164\ufeff\ufff9",
  ..."\u{110bd}\u{13430}\u{1d173}\u{e0000}\u{e0001}\u{e0020}\u{e0041}\u{e007f}\u{e0100}",
];
/** What a name may have. */
const SAFE = [..."aä中😀❤\ufe0f\u0301ـ‐ \u00a0\ue000"];

Deno.test("every control and format character is escaped, in all forms", () => {
  for (const char of UNSAFE) {
    const code = char.codePointAt(0) as number;
    const hex = code.toString(16);
    assertEquals(escapeText(`a${char}b`), `a\\u{${hex}}b`);
    assertEquals(escapeLines(`a${char}b\n`), `a\\u{${hex}}b\n`);
    const bytes = [...new TextEncoder().encode(char)].map((byte) =>
      byte.toString(16).padStart(2, "0")
    );
    assertEquals(escapeForTerminal(fromText(`a${char}b`)), `a\\x${bytes.join("\\x")}b`);
    const json = escapeJson(JSON.stringify({ [char]: char }, undefined, 1));
    assert(/^[\n -~]*$/.test(json), json);
    assertEquals(JSON.parse(json), { [char]: char });
    assertEquals(flattenText(`a ${char}${char} b${char}`), "a b");
  }
  assertEquals(escapeText("\ud800"), "\\u{d800}");
});

Deno.test("what a name may have stays", () => {
  for (const char of SAFE) {
    assertEquals(escapeText(char), char);
    assertEquals(escapeLines(char), char);
    assertEquals(escapeForTerminal(fromText(char)), char);
    assertEquals(escapeJson(char), char);
  }
  assertEquals(escapeLines("a\tb\n"), "a\tb\n");
  assertEquals(escapeText("a\tb\n"), "a\\u{9}b\\u{a}");
});

Deno.test("all of Unicode's controls and format characters are among the escaped ones", () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    const char = String.fromCodePoint(code);
    if (!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(char) && (code < 0xe0000 || code > 0xe007f)) continue;
    assert(escapeText(char).startsWith("\\u{"), code.toString(16));
  }
});

Deno.test("escaping twice is escaping once", () => {
  const text = `C:\\x ${UNSAFE.join("|")}`;
  assertEquals(escapeText(escapeText(text)), escapeText(text));
  assertEquals(escapeLines(escapeText(text)), escapeText(text));
});
