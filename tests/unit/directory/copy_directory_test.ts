/** Copying, measuring and walking directories that are deep, have hard links, or hold unusual files. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { copyDirectory } from "../../../lib/directory/copy_directory.ts";
import { DirectoryStack } from "../../../lib/directory/directory_stack.ts";
import { directoryUsage } from "../../../lib/directory/usage.ts";
import {
  CWD,
  linkAt,
  mkdirAt,
  mknodAt,
  openDirectoryAt,
  ownFd,
  renameAt,
  setXattrAt,
  statFd,
} from "../../../lib/linux/mod.ts";
import { listing } from "../../support/extraction/arena.ts";
import { leakTest } from "../../support/machine/leaks.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { mountAt, TMPFS } from "../../support/snapshots/snapshot_fixture.ts";

const open = (path: string) => ownFd(openDirectoryAt(CWD, fromText(path)));

/** Number of open descriptors of this process. */
const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

/** Makes directories inside each other, `depth` levels deep, with a FIFO in each. */
function makeDeep(path: string, depth: number): void {
  using top = open(path);
  using stack = new DirectoryStack(top.fd);
  for (let i = 0; i < depth; i++) {
    mkdirAt(stack.fd, fromText("d"), 0o755);
    mknodAt(stack.fd, fromText("f"), "fifo", 0o600);
    stack.enter(fromText("d"));
  }
}

const DEEP = "4096 levels: copied and measured with few descriptors";

leakTest(DEEP, needs({ root: true, mount: true }), async () => {
  await using temp = await tempDir();
  await using memory = await mountAt([TMPFS], temp.join("memory"));
  const [from, to] = [`${memory.path}/from`, `${memory.path}/to`];
  for (const path of [from, to]) await Deno.mkdir(path);
  const depth = 4096;
  makeDeep(from, depth);
  using source = open(from);
  using target = open(to);
  const before = descriptors();
  copyDirectory(source.fd, target.fd);
  const usage = directoryUsage(target.fd);
  assertEquals(usage.inodes, 1 + 2 * depth);
  assertEquals(usage.inodes, directoryUsage(source.fd).inodes);
  assertEquals(descriptors(), before);
});

Deno.test("a stack of directories holds few descriptors, and finds closed parents again", async () => {
  await using temp = await tempDir();
  makeDeep(temp.path, 200);
  using top = open(temp.path);
  using stack = new DirectoryStack(top.fd);
  const inodes = [statFd(stack.fd).inode];
  for (let i = 0; i < 200; i++) {
    stack.enter(fromText("d"));
    inodes.push(statFd(stack.fd).inode);
  }
  for (let i = 200; i > 0; i--) {
    assertEquals(statFd(stack.fd).inode, inodes[i]);
    stack.leave();
  }
  assertEquals(statFd(stack.fd).inode, inodes[0]);
  assertThrows(() => stack.leave(), RangeError);
});

Deno.test("a stack notices a directory that was moved elsewhere", async () => {
  await using temp = await tempDir();
  makeDeep(temp.path, 100);
  using top = open(temp.path);
  using stack = new DirectoryStack(top.fd);
  for (let i = 0; i < 100; i++) stack.enter(fromText("d"));
  const deep = `${temp.path}${"/d".repeat(60)}`;
  renameAt(CWD, fromText(deep), CWD, fromText(temp.join("moved")));
  const climb = () => {
    for (let i = 0; i < 100; i++) stack.leave();
  };
  assertThrows(climb, Error, "moved meanwhile");
});

Deno.test({
  name: "a copy is equal: links, holes, devices, times, owners, attributes",
  ...needs({ root: true }),
  async fn() {
    await using temp = await tempDir();
    const from = temp.join("from");
    await Deno.mkdir(`${from}/a/b`, { recursive: true });
    await Deno.writeTextFile(`${from}/a/file`, "content");
    linkAt(CWD, fromText(`${from}/a/file`), CWD, fromText(`${from}/a/b/link`));
    linkAt(CWD, fromText(`${from}/a/file`), CWD, fromText(`${from}/another`));
    await Deno.symlink("../nowhere", `${from}/a/symlink`);
    linkAt(CWD, fromText(`${from}/a/symlink`), CWD, fromText(`${from}/a/symlink2`));
    mknodAt(CWD, fromText(`${from}/null`), "char", 0o600, 1, 3);
    mknodAt(CWD, fromText(`${from}/block`), "block", 0o600, 7, 300);
    mknodAt(CWD, fromText(`${from}/fifo`), "fifo", 0o600);
    await Deno.mkdir(fromText(`${from}/\u{e9}`));
    {
      using sparse = await Deno.open(`${from}/sparse`, { write: true, createNew: true });
      await sparse.seek(1 << 22, Deno.SeekMode.Start);
      await sparse.write(new Uint8Array([1, 2, 3]));
      await sparse.truncate(1 << 24);
    }
    await Deno.chown(`${from}/a/file`, 5, 6);
    await Deno.chmod(`${from}/a/file`, 0o4755);
    await Deno.chmod(`${from}/a/b`, 0o1711);
    await Deno.utime(`${from}/a/b`, 12.5, 34.25);
    setXattrAt(CWD, fromText(`${from}/a`), fromText("user.x"), fromText("y"));
    setXattrAt(CWD, fromText(`${from}/a`), fromText("trusted.overlay.opaque"), fromText("y"));
    using socket = Deno.listen({ transport: "unix", path: `${from}/a/socket` });
    linkAt(CWD, fromText(`${from}/a/socket`), CWD, fromText(`${from}/a/socket2`));
    await Deno.mkdir(temp.join("to"));
    using source = open(from);
    using target = open(temp.join("to"));
    copyDirectory(source.fd, target.fd);
    const expected = listing(from);
    for (const name of ["a/socket", "a/socket2"]) expected.delete(name);
    const own = expected.get("a")?.replace(" trusted.overlay.opaque=y", "");
    assert(own !== expected.get("a"));
    expected.set("a", own as string);
    assertEquals(listing(temp.join("to")), expected);
    const blocks = (await Deno.stat(temp.join("to", "sparse"))).blocks ?? 0;
    assert(blocks <= 64, `the hole of a sparse file was filled: ${blocks} blocks`);
    assertEquals(socket.addr.transport, "unix");
  },
});

Deno.test("a checkpoint is called within a large file, and ends the copy by an error", async () => {
  await using temp = await tempDir();
  for (const name of ["from", "to", "again"]) await Deno.mkdir(temp.join(name));
  const bytes = new Uint8Array(20 * 2 ** 20).fill(7);
  await Deno.writeFile(temp.join("from", "file"), bytes);
  using source = open(temp.join("from"));
  using target = open(temp.join("to"));
  let calls = 0;
  copyDirectory(source.fd, target.fd, { checkpoint: () => void calls++ });
  assert(calls > 2, `there were ${calls} calls`);
  assertEquals(await Deno.readFile(temp.join("to", "file")), bytes);
  using again = open(temp.join("again"));
  const checkpoint = () => {
    if (--calls === 0) throw new RangeError("enough");
  };
  assertThrows(() => copyDirectory(source.fd, again.fd, { checkpoint }), RangeError, "enough");
});
