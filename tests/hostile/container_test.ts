/** Images that want more of the host than to run: their users, their mount points, their words. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type ByteString, fromText } from "../../lib/bytes/mod.ts";
import { lookIn, readInRoot } from "../../lib/container/root/in_root.ts";
import { planStubs } from "../../lib/container/root/stubs.ts";
import { writeInitLayer } from "../../lib/container/root/write_stubs.ts";
import { VarveError } from "../../lib/errors.ts";
import { openRoot, ownFd } from "../../lib/linux/mod.ts";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import {
  CONTAINER_TOOLS,
  containerFixture,
  leftovers,
  RUNTIME_NAMES,
} from "../support/peers/container_fixture.ts";
import type { TarFixture } from "../support/tar/tar_fixture.ts";

const root = needs({ root: true });
const need = needs({ root: true, mount: true, tools: CONTAINER_TOOLS });

/** A root beside a victim of the host that has a FIFO, a secret and a directory. */
async function beside(
  temp: TempDir,
): Promise<{ readonly root: string; readonly victim: string }> {
  const [root, victim] = [temp.join("root"), temp.join("victim")];
  await Deno.mkdir(`${root}/etc`, { recursive: true });
  await Deno.mkdir(`${root}/proc`);
  await Deno.mkdir(`${victim}/directory`, { recursive: true });
  await Deno.writeTextFile(`${victim}/secret`, "root:x:0:0::/secret:\n");
  await run(["mkfifo", `${victim}/fifo`]);
  return { root, victim };
}

/** What lies below a directory, with times and links. */
async function census(directory: string): Promise<string> {
  return (await run(["find", directory, "-printf", "%p %y %m %T@ %n %s %l\\n"])).stdout;
}

function verdict(directory: string, path: string, limit?: number): string {
  using fd = ownFd(openRoot(fromText(directory)));
  try {
    return readInRoot(fd.fd, fromText(path), limit) ?? "absent";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

Deno.test({
  name: "I14: /etc/passwd is read inside the root, and only when it is a regular file",
  ...root,
  fn: async () => {
    await using temp = await tempDir();
    const { root, victim } = await beside(temp);
    const links: Record<string, string> = {
      "host-fifo": `${victim}/fifo`,
      "host-file": `${victim}/secret`,
      "up": "../../../../../../../../../../../../etc/own",
      "magic-root": "/proc/self/root/etc/passwd",
      "magic-fd": "/proc/self/fd/0",
      "loop": "loop",
      "chain": "own",
    };
    for (const [name, target] of Object.entries(links)) {
      await Deno.symlink(target, `${root}/etc/${name}`);
    }
    await Deno.writeTextFile(`${root}/etc/own`, "own");
    await run(["mkfifo", `${root}/etc/fifo`]);
    await run(["mknod", `${root}/etc/device`, "c", "1", "5"]);
    await run(["mknod", `${root}/etc/tty`, "c", "5", "0"]);
    await Deno.mkdir(`${root}/etc/directory`);
    const seen = Object.fromEntries(
      [
        ...Object.keys(links),
        "own",
        "fifo",
        "device",
        "tty",
        "directory",
        "missing",
        "own/below",
      ].map((name) => [name, verdict(root, `/etc/${name}`)]),
    );
    assertEquals(seen, {
      "host-fifo": "absent",
      "host-file": "absent",
      "up": "own",
      "magic-root": "absent",
      "magic-fd": "absent",
      "loop": "E_LOOP",
      "chain": "own",
      "own": "own",
      "fifo": "E_TYPE",
      "device": "E_TYPE",
      "tty": "E_TYPE",
      "directory": "E_TYPE",
      "missing": "absent",
      "own/below": "absent",
    });
  },
});

Deno.test({
  name: "I14: a file of users is read up to its limit",
  ...root,
  fn: async () => {
    await using temp = await tempDir();
    const { root } = await beside(temp);
    for (const size of [99, 100, 101]) {
      await Deno.writeFile(`${root}/etc/passwd`, new Uint8Array(size).fill(0x61));
      const expected = size > 100 ? "E_LIMIT" : "a".repeat(size);
      assertEquals(verdict(root, "/etc/passwd", 100), expected);
    }
    // A sparse terabyte costs nothing to make.
    await Deno.truncate(`${root}/etc/passwd`, 2 ** 40);
    assertEquals(verdict(root, "/etc/passwd"), "E_LIMIT");
  },
});

Deno.test({
  name: "A42: mount points behind links are made inside, and nothing of the host changes",
  ...root,
  fn: async () => {
    await using temp = await tempDir();
    const { root, victim } = await beside(temp);
    await Deno.symlink(`${victim}/directory`, `${root}/work`);
    await Deno.symlink("/proc/self/root", `${root}/magic`);
    await Deno.symlink(`../../../../..${victim}/hosts`, `${root}/etc/hosts`);
    await Deno.symlink("/proc/self/fd/1", `${root}/etc/resolv.conf`);
    const before = await census(victim);
    const init = temp.join("init");
    await Deno.mkdir(init);
    using from = ownFd(openRoot(fromText(root)));
    using to = ownFd(openRoot(fromText(init)));
    const { stubs, places } = planStubs([
      { path: fromText("/work/new"), type: "directory" },
      { path: fromText("/magic/tmp/x"), type: "directory" },
      { path: fromText("/etc/hosts"), type: "file" },
      { path: fromText("/etc/resolv.conf"), type: "file" },
    ], lookIn(from.fd));
    writeInitLayer(to.fd, from.fd, stubs);
    assertEquals(places.map(({ path }) => path as string), [
      `${victim}/directory/new`,
      "/proc/self/root/tmp/x",
      `${victim}/hosts`,
      "/proc/self/fd/1",
    ]);
    assert((await Deno.stat(`${init}${victim}/directory/new`)).isDirectory);
    assert((await Deno.stat(`${init}${victim}/hosts`)).isFile);
    assertEquals(stubs.some(({ path }) => path.startsWith("/proc/")), false);
    assertEquals(await census(victim), before);
  },
});

Deno.test({
  name: "A42: a loop of links is a verdict, and so is a file on the way",
  ...root,
  fn: async () => {
    await using temp = await tempDir();
    const { root } = await beside(temp);
    await Deno.symlink("b", `${root}/a`);
    await Deno.symlink("a", `${root}/b`);
    await Deno.writeTextFile(`${root}/file`, "");
    using fd = ownFd(openRoot(fromText(root)));
    for (const [path, code] of [["/a/x", "E_LOOP"], ["/file/x", "E_NOT_DIR"]]) {
      const want = { path: path as ByteString, type: "directory" as const };
      const error = assertThrows(() => planStubs([want], lookIn(fd.fd)), VarveError);
      assertEquals(error.code, code);
    }
  },
});

/** Layers that varve refuses to run, and what it says. */
const REFUSED: readonly (readonly [string, readonly TarFixture[], RegExp])[] = [
  ["/proc is a link", [{ name: "proc", target: "/etc" }], /its \/proc is not a directory/],
  [
    "/dev is a link out",
    [{ name: "dev", target: "../../../../run" }],
    /its \/dev is not a directory/,
  ],
  ["/sys is a file", [{ name: "sys", content: "" }], /its \/sys is not a directory/],
  ["/etc/passwd is a FIFO", [{ name: "etc/passwd", type: "fifo" }], /it is a fifo/],
  [
    "/etc/group is a device",
    [{ name: "etc/group", type: "char", major: 1, minor: 8 }],
    /it is a char/,
  ],
];

Deno.test({
  name: "I14: images with mount points or users that are not usable do not run, and leave nothing",
  ...need,
  fn: async () => {
    for (const [what, layer, message] of REFUSED) {
      await using fixture = await containerFixture({ layer });
      const { code, stderr } = await fixture.varve.any(["run", "--rm", BOX]);
      assertEquals(code, 125, what);
      assert(message.test(stderr), `${what}: ${stderr}`);
      assertEquals(await leftovers(fixture), [], what);
      assertEquals(await fixture.varve.json(["ps"]), [], what);
    }
  },
});

/** Words that a shell, an option parser or a terminal would take for more than words. */
const WORDS = [
  "-n",
  "--",
  "a b",
  "$(id)",
  "`id`",
  "'",
  '"',
  "\\",
  "*",
  "~",
  "é",
  "line\nbreak",
  "",
];

for (const runtime of RUNTIME_NAMES) {
  Deno.test({
    name: `I14: odd files of the host's names, words and variables of an image (${runtime})`,
    ...need,
    fn: async () => {
      await using temp = await tempDir();
      await using fixture = await containerFixture({
        config: {
          User: "web",
          Env: ["PATH=/bin", "QUOTE='; id #", "-S=x", "--help", "=none", "NOVALUE", "A=1", "A=2"],
          WorkingDir: "/w'o $(r) k",
        },
        layer: [
          { name: "etc/hosts", target: "/dev/null" },
          { name: "etc/hostname/", mode: 0o755 },
          { name: "etc/resolv.conf", target: `${temp.path}/resolv.conf` },
          { name: "etc/passwd", content: "web:x:33:33::/'home $(id):\n" },
        ],
      });
      const script = 'for word; do echo "[$word]"; done; pwd; env; ls -d /etc/hosts /etc/hostname/';
      const args = [
        "run",
        "--rm",
        "--runtime",
        runtime,
        BOX,
        "--",
        "sh",
        "-c",
        script,
        "x",
        ...WORDS,
      ];
      const said = await fixture.varve.text(args);
      assert(said.startsWith(WORDS.map((word) => `[${word}]\n`).join("")), said);
      const lines = said.split("\n");
      for (const one of ["/w'o $(r) k", "QUOTE='; id #", "A=2", "HOME=/'home $(id)"]) {
        assert(lines.includes(one), `${one} in ${said}`);
      }
      for (const one of ["A=1", "--help", "NOVALUE", "=none"]) assert(!lines.includes(one), one);
      assertStringIncludes(said, "/etc/hostname/\n/etc/hosts\n");
      assertEquals(await Array.fromAsync(Deno.readDir(temp.path)), []);
      assertEquals(await leftovers(fixture), []);
    },
  });
}

Deno.test({
  name: "I16: ps shows names and commands of images without their escapes",
  ...need,
  fn: async () => {
    await using fixture = await containerFixture({
      config: { Cmd: ["true", "\u001b[2J\u202etxt\nx"] },
    });
    const { varve } = fixture;
    await varve.text(["run", "--name", "k", BOX]);
    const text = await varve.text(["ps"]);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.test(text), false);
    assertEquals(text.trimEnd().split("\n").length, 2);
  },
});
