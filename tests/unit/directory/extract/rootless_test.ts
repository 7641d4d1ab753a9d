// Extraction by a user who is not root: a child process loads everything as root and then drops its
// privileges.
import { assertEquals } from "@std/assert";
import { fromText } from "../../../../lib/bytes/mod.ts";
import { extractTree } from "../../../../lib/directory/extract/extract_tree.ts";
import { effectiveUser } from "../../../../lib/linux/mod.ts";
import { layerOf, listing, OVERLAY_POLICY, verdictOf } from "../../../support/extraction/arena.ts";
import { CAPABILITY } from "../../../support/images/sample_image.ts";
import { needs } from "../../../support/machine/needs.ts";
import { run } from "../../../support/machine/process.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const USER = 65534;

const LAYER = layerOf([
  { name: "./", mode: 0o711 },
  { name: "dev/null", type: "char", major: 1, minor: 3 },
  { name: "dev/null2", type: "hardlink", target: "dev/null" },
  { name: "closed/", mode: 0o000, uid: 5 },
  { name: "closed/in", content: "in", mode: 0o000, mtime: "3.5", xattrs: { "user.a": "1" } },
  { name: "cap", content: "x", xattrs: { "security.capability": CAPABILITY } },
  { name: "p", type: "fifo", mode: 0o640 },
  { name: "s", target: "/etc/shadow", mtime: 9 },
  { name: "tool", content: "t", mode: 0o4755, uid: USER, gid: USER },
  { name: "twin", type: "hardlink", target: "tool", mode: 0o4755, uid: USER, gid: USER },
]);

function child(directory: string): void {
  const c = Deno.dlopen("libc.so.6", {
    setgroups: { parameters: ["usize", "pointer"], result: "i32" },
    setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
    setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  });
  c.symbols.setgroups(0n, null);
  c.symbols.setresgid(USER, USER, USER);
  c.symbols.setresuid(USER, USER, USER);
  const target = fromText(`${directory}/root`);
  const contents = new Map([[LAYER.diffId, fromText(`${directory}/layer.tar`)]]);
  const options = { tree: LAYER.tree, target, contents };
  const policy = { whiteouts: "none", owners: "keep", devices: "keep" } as const;
  const overlay = verdictOf(() => extractTree({ ...options, policy: OVERLAY_POLICY }));
  const { dropped } = extractTree({ ...options, policy });
  const text = JSON.stringify({ user: effectiveUser(), overlay, dropped });
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main && Deno.args[0] === "child") {
  child(Deno.args[1] as string);
} else {
  Deno.test({
    name: "a user who is not root gets everything but owners, devices and privileges",
    ...needs({ root: true }),
    fn: async () => {
      await using temp = await tempDir();
      await Deno.chmod(temp.path, 0o755);
      await Deno.mkdir(temp.join("root"));
      await Deno.chown(temp.join("root"), USER, USER);
      await Deno.writeFile(temp.join("layer.tar"), LAYER.tar);
      const script = new URL(import.meta.url).pathname;
      const { stdout } = await run([
        Deno.execPath(),
        "run",
        "-A",
        "--no-check",
        script,
        "child",
        temp.path,
      ]);
      assertEquals(JSON.parse(stdout), {
        user: USER,
        overlay: "E_UNSUPPORTED",
        dropped: {
          "owner": 7,
          "device": 2,
          "xattr-trusted": 0,
          "xattr-security": 1,
          "xattr-unsupported": 0,
          "time": 0,
        },
      });
      const seen = [...listing(temp.join("root"))].map(([path, line]) =>
        `${path}: ${line.replace(/ [0-9a-f]{12}(?= |$)/, "")}`
      );
      assertEquals(seen, [
        `.: directory 0711 ${USER}:${USER} 1577836800.000000000`,
        `cap: file 0644 ${USER}:${USER} n1 1577836800.000000000 1`,
        `closed: directory 0000 ${USER}:${USER} 1577836800.000000000`,
        `closed/in: file 0000 ${USER}:${USER} n1 3.500000000 2 user.a=1`,
        `dev: directory 0755 ${USER}:${USER} 0.000000000`,
        `p: fifo 0640 ${USER}:${USER} n1 1577836800.000000000`,
        `s: symlink 0777 ${USER}:${USER} n1 9.000000000 -> /etc/shadow`,
        `tool: file 4755 ${USER}:${USER} n2 1577836800.000000000 1`,
        `twin: file 4755 ${USER}:${USER} n2 1577836800.000000000 1`,
      ]);
    },
  });
}
