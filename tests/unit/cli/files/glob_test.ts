import { assertEquals, assertThrows } from "@std/assert";
import { globExpression } from "../../../../lib/cli/files/glob.ts";
import { needs } from "../../../support/machine/needs.ts";
import { run } from "../../../support/machine/process.ts";

const PATTERNS = [
  ...["*", "a*", "*.conf", "?", "??", "[abc]", "[!abc]", "[^a]", "[]a]", "[!]a]", "[a-c]x", "[a-"],
  ...["[a\\]b]", "\\*", "a\\", "[", "]", "a.c", "a+b", "(x)", "{a,b}", "^a$", "[[:digit:]]*"],
  ...["[[:upper:][:digit:]]", "*/b", "ü*", "[ü]*", "-", "[a-]", "[-a]", "|", ".*"],
];
const NAMES = [
  ...["a", "b", "c", "d", "]", "[", "ax", "cx", "a.conf", ".conf", "*", "a\\", "abc", "a.c", "a+b"],
  ...["(x)", "{a,b}", "^a$", "1x", "X", "a/b", "ü", "üb", "-", "|", "[a-", "\\", "a.", "é"],
];

Deno.test({
  name: "globs match what the patterns of bash match",
  ...needs({ tools: ["bash"] }),
  async fn() {
    const script =
      "while IFS= read -r p && IFS= read -r n; do case $n in $p) echo 1;; *) echo 0;; esac; done";
    const pairs = PATTERNS.flatMap((pattern) => NAMES.map((name) => [pattern, name] as const));
    const { stdout } = await run(["bash", "-c", script], {
      stdin: pairs.map(([pattern, name]) => `${pattern}\n${name}\n`).join(""),
      env: { LC_ALL: "C.UTF-8" },
    });
    const wanted = stdout.split("\n");
    for (const [i, [pattern, name]] of pairs.entries()) {
      // POSIX leaves these open: a backslash at the end, and a set without one.
      if (pattern === "a\\" || pattern === "[a-") continue;
      const own = globExpression(pattern).test(name) ? "1" : "0";
      assertEquals(own, wanted[i], `${pattern} over ${name}`);
    }
  },
});

Deno.test("globs ignore case when asked, and refuse a range without members", () => {
  assertEquals(globExpression("*.TXT", true).test("a.txt"), true);
  assertEquals(globExpression("*.TXT").test("a.txt"), false);
  assertThrows(() => globExpression("[z-a]"), Error, "a range in it is empty");
});
