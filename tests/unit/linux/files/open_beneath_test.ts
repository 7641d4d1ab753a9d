import { assert, assertEquals } from "@std/assert";
import { type ByteString, fromText } from "../../../../lib/bytes/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  closeFd,
  type Fd,
  mkdirAt,
  Open,
  openAt,
  openBeneath,
  openInRoot,
  openRoot,
  ownFd,
  readLinkAt,
  Resolve,
  sameInode,
  statAt,
  statFd,
  symlinkAt,
} from "../../../../lib/linux/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { prng } from "../../../support/prng.ts";

const b = fromText;
const any = needs({});
const { IN_ROOT, BENEATH, NO_SYMLINKS, NO_XDEV, NO_MAGICLINKS } = Resolve;

/** What a path resolves to: an inode, or the kernel's error. */
function outcome(root: Fd, path: ByteString, flags: number, resolve: number, own: boolean): string {
  try {
    using fd = ownFd(openBeneath(root, path, { flags, resolve, withoutOpenat2: own }));
    const { inode, type } = statFd(fd.fd);
    return `${type} ${inode}`;
  } catch (error) {
    assert(error instanceof VarveError, String(error));
    return error.details.errno ?? error.code;
  }
}

Deno.test({
  name: "the walk in user space has the same results as openat2",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    await Deno.mkdir(temp.join("root/a/b/c"), { recursive: true });
    await Deno.writeTextFile(temp.join("root/a/f"), "");
    await Deno.writeTextFile(temp.join("outside"), "");
    const links = {
      up: "..",
      self: ".",
      abs: "/a/b",
      out: "../../../outside",
      deep: "a/b/../../a/b/c",
      loop: "loop",
      "a/ring": "../a/ring2",
      "a/ring2": "ring",
      file: "a/f",
      dangling: "nothing/here",
      "a/b/top": "../../",
      slash: "/",
      many: "up/up/up/a",
    };
    for (const [name, target] of Object.entries(links)) {
      await Deno.symlink(target, temp.join("root", name));
    }
    using root = ownFd(openRoot(b(temp.join("root"))));
    const parts = [...Object.keys(links), "a", "b", "c", "f", "..", ".", "", "none"]
      .flatMap((part) => part.split("/"));
    const random = prng(7);
    let good = 0;
    for (let i = 0; i < 4000; i++) {
      const length = random.int(1, 6);
      const path = b(
        (random.chance(0.2) ? "/" : "") +
          Array.from({ length }, () => random.pick(parts)).join("/") +
          (random.chance(0.2) ? "/" : ""),
      );
      const resolve = random.pick([
        IN_ROOT,
        BENEATH,
        IN_ROOT | NO_SYMLINKS,
        BENEATH | NO_SYMLINKS | NO_XDEV,
        IN_ROOT | NO_MAGICLINKS,
      ]);
      const flags = random.pick([
        Open.PATH,
        Open.READ,
        Open.PATH | Open.NO_FOLLOW,
        Open.READ | Open.DIRECTORY,
        Open.PATH | Open.DIRECTORY | Open.NO_FOLLOW,
      ]);
      const kernel = outcome(root.fd, path, flags, resolve, false);
      const own = outcome(root.fd, path, flags, resolve, true);
      assertEquals(own, kernel, `${path} flags ${flags.toString(8)} resolve ${resolve}`);
      if (/ /.test(kernel)) good++;
    }
    assert(good > 300, `${good} paths resolved`);
  },
});

Deno.test({
  name: "A42 a magic link of /proc is refused by the kernel, and only text for the walk",
  ...any,
  fn: () => {
    using proc = ownFd(openRoot(b("/proc")));
    const resolve = IN_ROOT | NO_MAGICLINKS;
    assertEquals(outcome(proc.fd, b("self/root/proc"), Open.PATH, resolve, false), "ELOOP");
    assertEquals(outcome(proc.fd, b("self/root/proc"), Open.PATH, resolve, true), "ENOENT");
  },
});

Deno.test({
  name: "another mount is not entered with NO_XDEV",
  ...any,
  fn: () => {
    using root = ownFd(openRoot(b("/")));
    for (const own of [false, true]) {
      assertEquals(outcome(root.fd, b("proc/self"), Open.PATH, BENEATH | NO_XDEV, own), "EXDEV");
      assertEquals(outcome(root.fd, b("proc"), Open.PATH, BENEATH | NO_XDEV, own), "EXDEV");
    }
  },
});

Deno.test({
  name: "A34 A35 paths longer than PATH_MAX are opened by the walk",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using root = ownFd(openRoot(b(temp.path)));
    const name = b("n".repeat(250));
    const path = Array.from({ length: 40 }, () => name).join("/") as ByteString;
    let at = openAt(root.fd, b("."), Open.PATH);
    for (let i = 0; i < 40; i++) {
      mkdirAt(at, name);
      const next = openAt(at, name, Open.PATH);
      closeFd(at);
      at = next;
    }
    symlinkAt(b("../".repeat(200)), at, b("top"));
    using walked = ownFd(openBeneath(root.fd, path, { flags: Open.PATH, resolve: BENEATH }));
    assert(sameInode(statFd(walked.fd), statFd(at)));
    closeFd(at);
    // IN_ROOT: the link leads up to the root and no further.
    using top = ownFd(openInRoot(root.fd, `${path}/top/${name}` as ByteString, Open.PATH));
    assert(sameInode(statFd(top.fd), statAt(root.fd, name)));
  },
});

Deno.test({
  name: "a file is created only inside the root",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    await Deno.mkdir(temp.join("root"));
    await Deno.symlink("/", temp.join("root/l"));
    using root = ownFd(openRoot(b(temp.join("root"))));
    for (const [own, name] of [[false, "x"], [true, "y"]] as const) {
      const options = {
        flags: Open.WRITE | Open.CREATE | Open.EXCLUSIVE,
        mode: 0o640,
        resolve: IN_ROOT,
        withoutOpenat2: own,
      };
      closeFd(openBeneath(root.fd, b(`l/../../${name}`), options));
      assertEquals(statAt(root.fd, b(name)).mode, 0o640);
    }
    assertEquals(readLinkAt(root.fd, b("l")), b("/"));
  },
});
