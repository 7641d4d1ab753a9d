import { assert, assertEquals, assertThrows } from "@std/assert";
import { asByteString, fromText } from "../../../../lib/bytes/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  copyRange,
  CWD,
  type Fd,
  fsyncFd,
  getXattrAt,
  getXattrFd,
  isErrno,
  listXattrAt,
  listXattrFd,
  Open,
  openAt,
  openDirectoryAt,
  openRoot,
  type OwnedFd,
  ownFd,
  readFd,
  readFully,
  removeXattrFd,
  reserveFd,
  seekFd,
  setXattrAt,
  setXattrFd,
  startWriteOut,
  statFd,
  symlinkAt,
  syncFileSystem,
  truncateFd,
  writeFd,
} from "../../../../lib/linux/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../../support/machine/temp_dir.ts";
import { prng } from "../../../support/prng.ts";

const b = fromText;
const any = needs({});
const root = needs({ root: true });

function create(temp: TempDir, name: string): OwnedFd {
  const flags = Open.READ_WRITE | Open.CREATE | Open.EXCLUSIVE;
  return ownFd(openAt(CWD, b(temp.join(name)), flags, 0o600));
}

Deno.test({
  name: "extended attributes of files hold any bytes, and empty and large values",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using file = create(temp, "f");
    using directory = ownFd(openRoot(b(temp.path)));
    const large = asByteString("\0\xff".repeat(1500));
    setXattrFd(file.fd, b("user.empty"), b(""));
    setXattrFd(file.fd, b("user.bytes"), asByteString("\0\x01\xff"));
    setXattrAt(directory.fd, b("f"), b("user.large"), large);
    assertEquals(listXattrFd(file.fd).sort(), ["user.bytes", "user.empty", "user.large"].map(b));
    assertEquals(listXattrAt(directory.fd, b("f")).length, 3);
    assertEquals(getXattrFd(file.fd, b("user.empty")), b(""));
    assertEquals(getXattrAt(directory.fd, b("f"), b("user.bytes")), asByteString("\0\x01\xff"));
    assertEquals(getXattrFd(file.fd, b("user.large")), large);
    assertEquals(getXattrFd(file.fd, b("user.none")), undefined);
    removeXattrFd(file.fd, b("user.large"));
    removeXattrFd(file.fd, b("user.large"));
    removeXattrFd(file.fd, b("user.empty"));
    assertEquals(listXattrFd(file.fd), [b("user.bytes")]);
  },
});

Deno.test({
  name: "extended attributes of a link are the link's own",
  ...root,
  fn: async () => {
    await using temp = await tempDir();
    using file = create(temp, "f");
    using directory = ownFd(openDirectoryAt(CWD, b(temp.path)));
    symlinkAt(b("f"), directory.fd, b("s"));
    setXattrAt(directory.fd, b("s"), b("trusted.t"), b("1"));
    assertEquals(listXattrAt(directory.fd, b("s")), [b("trusted.t")]);
    assertEquals(listXattrFd(file.fd), []);
    const error = assertThrows(
      () => setXattrAt(directory.fd, b("s"), b("user.u"), b("1")),
      VarveError,
      "Cannot set extended attribute user.u",
    );
    assert(isErrno(error, "EPERM"));
  },
});

Deno.test({
  name: "a range is copied, also across file systems and past 4 GiB",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using from = create(temp, "from");
    using to = create(temp, "to");
    const bytes = prng(3).bytes(300_000);
    const far = 5 * 2 ** 30 + 7;
    writeFd(from.fd, bytes, far);
    assertEquals(copyRange(from.fd, far + 1000, to.fd, far - 3, 200_000), 200_000);
    const back = new Uint8Array(200_000);
    assertEquals(readFully(to.fd, back, far - 3), 200_000);
    assertEquals(back, bytes.slice(1000, 201_000));
    // The source ends early: fewer bytes are copied.
    assertEquals(copyRange(from.fd, far + 299_999, to.fd, 0, 10), 1);
    // The kernel cannot copy from /proc: the bytes go through the buffer.
    using version = ownFd(openAt(CWD, b("/proc/version"), Open.READ));
    using text = create(temp, "version");
    const count = copyRange(version.fd, 0, text.fd, 5, 1 << 20);
    const expected = await Deno.readTextFile("/proc/version");
    if (count > 0) {
      assertEquals((await Deno.readTextFile(temp.join("version"))).slice(5), expected);
    }
    assertEquals(count === 0 || count === expected.length, true);
  },
});

Deno.test({
  name: "size, holes, reservation and syncs",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using file = create(temp, "f");
    writeFd(file.fd, new Uint8Array([1, 2, 3]), 1 << 20);
    truncateFd(file.fd, 3 << 20);
    assertEquals(statFd(file.fd).size, 3 << 20);
    assertEquals(seekFd(file.fd, 0, "data"), 1 << 20);
    assertEquals(seekFd(file.fd, 2 << 20, "data"), -1);
    assertEquals(seekFd(file.fd, 0, "hole"), 0);
    assertEquals(seekFd(file.fd, 0, "end"), 3 << 20);
    assertEquals(readFd(file.fd, new Uint8Array(8)), 0);
    startWriteOut(file.fd, 0, 1 << 20);
    fsyncFd(file.fd);
    syncFileSystem(file.fd);
    if (reserveFd(file.fd, 0, 4 << 20)) assertEquals(statFd(file.fd).size, 4 << 20);
    const error = assertThrows(() => writeFd(file.fd, new Uint8Array(1), -1), VarveError);
    assert(isErrno(error, "EINVAL"));
  },
});

/** Locks a file, and returns a second descriptor of it. */
function lockedBeside(temp: TempDir, file: OwnedFd): OwnedFd {
  assertEquals(file.lock("exclusive"), true);
  return ownFd(openAt(CWD, b(temp.join("lock")), Open.READ));
}

Deno.test({
  name: "a lock excludes other descriptors, and ends with its own descriptor",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using first = create(temp, "lock");
    using second = lockedBeside(temp, first);
    assertEquals(second.lock("shared"), false);
    assertEquals(first.lock("shared"), true);
    assertEquals(second.lock("shared"), true);
    assertEquals(second.lock("exclusive"), false);
    first[Symbol.dispose]();
    assertEquals(second.lock("exclusive"), true);
  },
});

Deno.test({
  name: "a lock ends even if a child before its exec has a copy of the descriptor",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using first = create(temp, "lock");
    using second = lockedBeside(temp, first);
    const libc = Deno.dlopen("libc.so.6", { dup: { parameters: ["i32"], result: "i32" } });
    try {
      // As after a fork: another descriptor of the same open file.
      using _child = ownFd(libc.symbols.dup(first.fd) as Fd);
      assertEquals(second.lock("shared"), false);
      first[Symbol.dispose]();
      assertEquals(second.lock("exclusive"), true);
    } finally {
      libc.close();
    }
  },
});

Deno.test({
  name: "an error number without text is shown by its name",
  ...any,
  fn: () => {
    const error = assertThrows(() => fsyncFd(9999 as never), VarveError);
    assertEquals(error.details.errno, "EBADF");
    assertEquals(error.message, "Cannot sync: EBADF");
    assertEquals(error.details.subject, undefined);
  },
});
