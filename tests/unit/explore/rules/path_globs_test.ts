import { assertEquals } from "@std/assert";
import { fromText } from "../../../../lib/bytes/mod.ts";
import { pathGlobs } from "../../../../lib/explore/rules/path_globs.ts";

Deno.test("globs: with a slash the whole path, else the name; dot files as others", () => {
  const cases: readonly (readonly [glob: string, path: string, matches: boolean])[] = [
    ["*.pem", "etc/ssl/key.pem", true],
    ["*.pem", "etc/key.pem/x", false],
    ["/etc/*", "etc/passwd", true],
    ["/etc/*", "etc/ssl/x", false],
    ["etc/*", "etc/passwd", true],
    ["etc/*", "usr/etc/passwd", false],
    ["**/.ssh/**", "root/.ssh/id", true],
    [".*", "root/.bashrc", true],
    ["{a,b}", "x/b", true],
    ["!a", "b", false],
    ["!a", "!a", true],
    ["na?ve", "naïve", true],
  ];
  for (const [glob, path, matches] of cases) {
    assertEquals(pathGlobs([glob])(fromText(path)), matches, `${glob} ${path}`);
  }
  assertEquals(pathGlobs([])(fromText("a")), false);
});
