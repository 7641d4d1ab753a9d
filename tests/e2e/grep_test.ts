/** `varve grep` beside grep(1) over the mounted image. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { DAILY, dailyImage } from "../support/cli/mounted_image.ts";
import { needs } from "../support/machine/needs.ts";
import { runAny } from "../support/machine/process.ts";

/** Options and patterns that mean the same to both. */
const SAME: readonly (readonly string[])[] = [
  ["localhost"],
  ["-n", "localhost"],
  ["-i", "LOCALhost"],
  ["-w", "local"],
  ["-w", "localhost"],
  ["-c", "o"],
  ["-l", "o"],
  ["-v", "o"],
  ["-nv", "^r"],
  ["-F", "x:0"],
  ["-F", "^root"],
  ["^[a-z]+:x:[0-9]+:"],
  ["end$"],
  ["ünï"],
  ["^.nï"],
  ["(new|old) notes"],
  ["te"],
  ["-l", "te"],
  ["-c", "."],
  ["-c", "^"],
  ["-cv", "t"],
  ["-c", "^0.*e$"],
  ["nothing at all"],
  [""],
];

Deno.test({
  name: "grep gives the lines of grep -rE over the mounted image",
  ...needs({ root: true, mount: true, tools: ["grep"] }),
  async fn() {
    await using daily = await dailyImage();
    const varve = commandOn(daily.temp.join("store"));
    for (const start of ["/", "/etc/passwd", "/data/binary"]) {
      for (const words of SAME) {
        const flags = words.slice(0, -1), pattern = words.at(-1) as string;
        const fixed = flags.includes("-F") ? [] : ["-E"];
        const path = start === "/" ? daily.mounted : `${daily.mounted}${start}`;
        const peer = await runAny(["grep", "-r", ...fixed, ...flags, "--", pattern, path], {
          env: { LC_ALL: "C.UTF-8" },
        });
        const lines = (text: string) => text.split("\n").sort();
        const wanted = lines(
          `${peer.stderr}${peer.stdout}`.replaceAll(daily.mounted, "")
            .replace(/^\S*grep: (.*): binary file matches$/gm, "Binary file $1 matches"),
        );
        // An empty word is refused: it comes from a variable that is not set.
        const given = pattern === "" ? "(?:)" : pattern;
        const own = await varve(["grep", ...flags, "--", given, `${DAILY}:${start}`]);
        assertEquals(
          [own.code, own.stderr, lines(own.stdout)],
          [0, "", wanted],
          `${words} ${start}`,
        );
        if (start !== "/") continue;
        const quiet = await varve(["grep", "-q", ...flags, "--", given, `${DAILY}:${start}`]);
        assertEquals([quiet.code, quiet.stdout], [peer.code === 0 ? 0 : 13, ""], `${words}`);
      }
    }
  },
});

Deno.test("grep: JSON, exit codes, patterns that are refused, and terminals", async () => {
  await using daily = await dailyImage({ mount: false });
  const varve = commandOn(daily.temp.join("store"));
  const json = async (...args: string[]) =>
    JSON.parse((await varve(["grep", "--format", "json", ...args])).stdout);
  assertEquals(await json("^user", `${DAILY}:/etc`), [
    { path: "/etc/passwd", line: 3, text: "user:x:1000:1000::/home/user:" },
  ]);
  assertEquals(await json("no", `${DAILY}:/data/binary`), [{ path: "/data/binary", binary: true }]);
  assertEquals(await json("-l", "^user", DAILY), [{ path: "/etc/passwd" }]);
  assertEquals(await json("-c", "localhost", `${DAILY}:/etc/hosts`), [
    { path: "/etc/hosts", count: 2 },
  ]);
  assertEquals(await json("nothing here", DAILY), []);
  assertEquals((await varve(["grep", "--exit-code", "nothing here", DAILY])).code, 13);
  assertEquals((await varve(["grep", "-c", "--exit-code", "nothing here", DAILY])).code, 13);
  const refused = await varve(["grep", "(", DAILY]);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "with -F, a pattern is text");
  assertEquals((await varve(["grep", "-F", "(", DAILY])).code, 0);
  assertEquals((await varve(["grep", "x", `${DAILY}:/dev/null`])).code, 2);
  // The symbolic link that is named is followed.
  assertStringIncludes((await varve(["grep", "echo", `${DAILY}:/bin/sh`])).stdout, "echo tool");
});
