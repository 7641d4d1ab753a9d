import { assert, assertEquals, assertThrows } from "@std/assert";
import { asByteString, type ByteString, fromText } from "../../../../lib/bytes/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  bindMount,
  closeFd,
  CWD,
  type Fd,
  isErrno,
  mkdirAt,
  mknodAt,
  Open,
  openAt,
  openDirectoryAt,
  openRoot,
  ownFd,
  performMount,
  performUnmount,
  removeTree,
  symlinkAt,
} from "../../../../lib/linux/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { DirectorySwapper } from "../../../support/races/directory_swapper.ts";

const b = fromText;
const any = needs({});
const mount = needs({ root: true, mount: true });

function touch(directory: Fd, name: ByteString): void {
  closeFd(openAt(directory, name, Open.WRITE | Open.CREATE | Open.EXCLUSIVE, 0o600));
}

Deno.test({
  name: "a tree with every type of inode is removed, and links are not followed",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    await Deno.mkdir(temp.join("victim"));
    await Deno.writeTextFile(temp.join("victim/f"), "");
    using directory = ownFd(openRoot(b(temp.path)));
    mkdirAt(directory.fd, b("t"), 0o700);
    using tree = ownFd(openDirectoryAt(directory.fd, b("t")));
    symlinkAt(b("../victim"), tree.fd, b("link"));
    mknodAt(tree.fd, b("pipe"), "fifo", 0o600);
    touch(tree.fd, asByteString("\xff\n"));
    mkdirAt(tree.fd, b("empty"), 0o000);
    mkdirAt(tree.fd, b("closed"), 0o700);
    touch(tree.fd, b("closed/in"));
    await Deno.chmod(temp.join("t/closed"), 0o000);
    assertEquals(removeTree(directory.fd, b("t")), 7);
    assertEquals(removeTree(directory.fd, b("t")), 0);
    touch(directory.fd, b("single"));
    assertEquals(removeTree(directory.fd, b("single")), 1);
    symlinkAt(b("victim"), directory.fd, b("link"));
    assertEquals(removeTree(directory.fd, b("link")), 1);
    assertEquals(await Deno.readTextFile(temp.join("victim/f")), "");
    for (const name of ["", ".", "..", "a/b", "/etc"]) {
      assertThrows(() => removeTree(directory.fd, b(name)), RangeError, "one name");
    }
  },
});

Deno.test({
  name: "a tree of depth 1500 and a directory of 5000 names are removed with few descriptors",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using directory = ownFd(openRoot(b(temp.path)));
    const name = b("d".repeat(100));
    mkdirAt(directory.fd, b("deep"));
    let at = openDirectoryAt(directory.fd, b("deep"));
    for (let i = 0; i < 1500; i++) {
      mkdirAt(at, name);
      touch(at, b("f"));
      const next = openDirectoryAt(at, name);
      closeFd(at);
      at = next;
    }
    closeFd(at);
    assertEquals(removeTree(directory.fd, b("deep")), 3001);
    mkdirAt(directory.fd, b("wide"));
    using wide = ownFd(openDirectoryAt(directory.fd, b("wide")));
    for (let i = 0; i < 5000; i++) touch(wide.fd, b(`${i}`));
    assertEquals(removeTree(directory.fd, b("wide")), 5001);
    assertEquals(await Array.fromAsync(Deno.readDir(temp.path)), []);
  },
});

Deno.test({
  name: "A43 a mount inside the tree stays",
  ...mount,
  fn: async () => {
    await using temp = await tempDir();
    await Deno.mkdir(temp.join("t/m"), { recursive: true });
    await Deno.mkdir(temp.join("victim"));
    await Deno.writeTextFile(temp.join("victim/f"), "");
    performMount(bindMount(b(temp.join("victim"))), b(temp.join("t/m")));
    using directory = ownFd(openRoot(b(temp.path)));
    const error = assertThrows(() => removeTree(directory.fd, b("t")), VarveError);
    assert(isErrno(error, "EXDEV"));
    performUnmount(b(temp.join("t/m")));
    assertEquals(await Deno.readTextFile(temp.join("victim/f")), "");
    assertEquals(removeTree(directory.fd, b("t")), 2);
  },
});

Deno.test({
  name: "directories that are exchanged for links during the removal lead nowhere else",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    await Deno.mkdir(temp.join("victim/sub"), { recursive: true });
    await Deno.writeTextFile(temp.join("victim/f"), "");
    using swapper = new DirectorySwapper();
    await swapper.ready();
    using directory = ownFd(openRoot(b(temp.path)));
    let swaps = 0;
    for (let round = 0; round < 5; round++) {
      mkdirAt(directory.fd, b("t"));
      using tree = ownFd(openDirectoryAt(CWD, b(temp.join("t"))));
      for (let i = 0; i < 20; i++) {
        mkdirAt(tree.fd, b(`${i}`));
        for (let k = 0; k < 20; k++) touch(tree.fd, b(`${i}/${k}`));
      }
      swapper.start(temp.join("t"), temp.join("victim"));
      try {
        removeTree(directory.fd, b("t"));
      } catch (error) {
        assert(isErrno(error, "ELOOP", "ENOTDIR", "ENOTEMPTY", "EISDIR"), String(error));
      }
      swaps += swapper.stop();
      removeTree(directory.fd, b("t"));
    }
    assert(swaps > 0);
    assertEquals(await Deno.readTextFile(temp.join("victim/f")), "");
    assert((await Deno.stat(temp.join("victim/sub"))).isDirectory);
  },
});
