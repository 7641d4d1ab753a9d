/** `varve find` beside find(1) over the mounted image. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { DAILY, dailyImage } from "../support/cli/mounted_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";

/** Conditions for both, after the path. */
const SAME: readonly string[] = [
  "",
  "-name *o*",
  "-iname *O*",
  "-name .*",
  "-name [!a-m]*",
  "-name ?n?",
  "-path */etc/*",
  "-path */d*/*g",
  "-type f",
  "-type l,c,p",
  "-type f -size +0",
  "-type f -size -2",
  "-type f -size 1",
  "-type f -size -20c",
  "-type f -size +4k",
  "-type l -size 4c",
  "-type f -size +300k",
  "-perm 644",
  "-perm -4000",
  "-perm -04000",
  "-perm 00644",
  "-perm /6000",
  "-perm -u=s",
  "-perm /u=s,g=s",
  "-perm -o+t",
  "-perm /000",
  "-user 1000",
  "-user 54321",
  "-group 1",
  "-newer MOUNTED/bin/tool -type f",
  "-type f -empty",
  "-maxdepth 1",
  "-mindepth 2 -maxdepth 3 -type d",
  "-maxdepth 0",
  "-name nothing",
];

Deno.test({
  name: "find gives the paths of find(1) over the mounted image, and the same bytes with -0",
  ...needs({ root: true, mount: true, tools: ["find"] }),
  async fn() {
    await using daily = await dailyImage();
    const { mounted } = daily;
    const varve = commandOn(daily.temp.join("store"));
    for (const start of ["/", "/data"]) {
      for (const line of SAME) {
        const conditions = line === "" ? [] : line.split(" ");
        // For find(1), the root has the name of the mount point.
        const isCompared = (path: string) => path !== "/" || !line.includes("name");
        const { stdout } = await run(
          [
            "find",
            start === "/" ? mounted : `${mounted}${start}`,
            ...conditions.map((one) => one.replace("MOUNTED", mounted)),
            "-print0",
          ],
          { env: { LC_ALL: "C.UTF-8" } },
        );
        const wanted = stdout.split("\0").slice(0, -1)
          .map((path) => path.slice(mounted.length) || "/")
          .filter(isCompared).sort();
        const given = conditions.map((one) => one.replace("MOUNTED", ""));
        const own = await varve(["find", `${DAILY}:${start}`, ...given, "-print0"]);
        const paths = own.stdout.split("\0").slice(0, -1).filter(isCompared).sort();
        assertEquals([own.code, own.stderr, paths], [0, "", wanted], `${start} ${line}`);
      }
    }
  },
});

Deno.test("find by names of the image's users, layer, digest, xattr and time", async () => {
  await using daily = await dailyImage({ mount: false });
  const { cli } = daily;
  const found = async (...args: string[]) =>
    (await cli.text(["find", DAILY, ...args])).split("\n").slice(0, -1);
  assertEquals(await found("-user", "user", "-type", "f"), ["/home/user/notes"]);
  assertEquals(await found("--group", "daemon"), ["/bin/group"]);
  const [lower, upper] = (await cli.json(["layers", DAILY])).map(
    ({ diffId }: { diffId: string }) => diffId.slice("sha256:".length, 19),
  );
  assertEquals(await found("--layer", upper, "-type", "f"), [
    "/data/deep/small",
    "/home/user/notes",
  ]);
  assertEquals(
    (await found("--layer", lower, "-path", "/home/*")).includes("/home/user/notes"),
    false,
  );
  const { digest } = await cli.json(["stat", `${DAILY}:/bin/tool`]);
  assertEquals(await found("--digest", digest.slice(0, 20)), ["/bin/same", "/bin/tool"]);
  assertEquals(await found("--digest", "e3b0c442"), ["/etc/empty"]);
  assertEquals(await found("--xattr", "user.*"), ["/data/ünï"]);
  assertEquals(await found("--xattr", "user.tag=b"), []);
  assertEquals(await found("-newer", "2023-01-01T00:00:00Z", "-type", "f"), ["/data/deep/er/big"]);
  assertEquals(await found("-newer", "@1699999999", "-type", "f"), ["/data/deep/er/big"]);
  const whiteouts = await cli.text(["find", `${upper}`, "-type", "w"]);
  assertEquals(whiteouts, "/home/user/gone\n");
  const [json] = await cli.json(["find", DAILY, "-name", "notes"]);
  assertEquals([json.path, json.mode, json.size], ["/home/user/notes", "0600", 19]);
});

Deno.test("find refuses conditions that it cannot read, and names what is missing", async () => {
  await using daily = await dailyImage({ mount: false });
  const { cli } = daily;
  for (
    const [args, exit, said] of [
      [["-type", "x"], 2, "--type"],
      [["-size", "10q"], 2, "--size"],
      [["-perm", "u+z"], 2, "--perm"],
      [["-newer", "yesterday"], 2, "--newer"],
      [["-newer", "/none"], 4, "/none"],
      [["-user", "nobody"], 4, "nobody"],
      [["--layer", "0123456789ab"], 4, "0123456789ab"],
      [["-maxdepth", "x"], 2, "--maxdepth"],
      [["-name", "[z-a]"], 2, "[z-a]"],
      [["-nam", "x"], 2, "-n"],
    ] as const
  ) {
    const { code, stderr, stdout } = await cli.any(["find", DAILY, ...args]);
    assertEquals([code, stdout], [exit, ""], stderr);
    assertStringIncludes(stderr, said);
  }
});
