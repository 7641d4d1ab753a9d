import { assertEquals } from "@std/assert";
import { run } from "../../support/machine/process.ts";

/** The sources of expressions with Unicode properties that a program makes or uses. */
const WATCH = `
  const seen = [];
  const note = (source) => String(source).includes("\\\\p{") && seen.push(String(source));
  const { exec } = RegExp.prototype;
  RegExp.prototype.exec = function (text) {
    note(this.source);
    return exec.call(this, text);
  };
  globalThis.RegExp = new Proxy(RegExp, {
    construct(target, args) {
      note(args[0] instanceof target ? args[0].source : args[0]);
      return Reflect.construct(target, args);
    },
  });`;

async function seenBy(program: string): Promise<unknown> {
  const bytes = new URL("../../../lib/bytes/mod.ts", import.meta.url).href;
  const code = `${WATCH}
    const bytes = await import(${JSON.stringify(bytes)});
    ${program}
    console.log(seen.length > 0);`;
  const { stdout } = await run([Deno.execPath(), "eval", "--no-lock", code]);
  return JSON.parse(stdout);
}

Deno.test("escaping ASCII needs no expression that loads Unicode's tables", async () => {
  const program = `
    bytes.escapeForTerminal("a");
    bytes.escapeText("C:\\\\a");
    bytes.escapeLines("a\\tb\\n");
    bytes.escapeJson('{\\n "a": 1\\r\\n}');
    bytes.flattenText(" a  b ");`;
  assertEquals(await seenBy(program), false);
});

Deno.test("escaping a control character needs one", async () => {
  assertEquals(await seenBy(`bytes.escapeLines("a\\x1b");`), true);
});
