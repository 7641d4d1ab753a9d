import { assert, assertEquals, assertThrows } from "@std/assert";
import { asByteString, type ByteString, fromText, timestamp } from "../../../../lib/bytes/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  chmodAt,
  chmodFd,
  chownAt,
  chownFd,
  closeFd,
  CWD,
  existsAt,
  fileSystemOf,
  isErrno,
  linkAt,
  makeDevice,
  mkdirAt,
  mknodAt,
  Open,
  openAt,
  openDirectoryAt,
  openRoot,
  ownFd,
  readDirectory,
  readFileAt,
  readLinkAt,
  renameAt,
  rmdirAt,
  sameInode,
  statAt,
  statFd,
  symlinkAt,
  tryStatAt,
  unlinkAt,
  utimensAt,
  utimensFd,
  writeFd,
} from "../../../../lib/linux/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const b = fromText;
const any = needs({});
const root = needs({ root: true });

Deno.test({
  name: "names are bytes: two names that differ in one invalid byte are two files",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using directory = ownFd(openDirectoryAt(CWD, b(temp.path)));
    for (const name of ["a\xff", "a\xfe", "new\nline", "\x1b[2J"].map(asByteString)) {
      closeFd(openAt(directory.fd, name, Open.WRITE | Open.CREATE | Open.EXCLUSIVE, 0o600));
    }
    assertEquals([...readDirectory(directory.fd)].map(({ name }) => name).sort(), [
      "\x1b[2J",
      "a\xfe",
      "a\xff",
      "new\nline",
    ] as ByteString[]);
  },
});

Deno.test({
  name: "a failure names the call, the kernel's error and the escaped name",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using directory = ownFd(openRoot(b(temp.path)));
    const error = assertThrows(
      () => openAt(directory.fd, asByteString("no\x1b\xff"), Open.READ),
      VarveError,
    );
    assertEquals(error.code, "E_SYSCALL");
    assertEquals(error.message, "Cannot open no\\x1b\\xff: no such file or directory (ENOENT)");
    assertEquals(error.details, { errno: "ENOENT", syscall: "openat", subject: "no\\x1b\\xff" });
    assert(isErrno(error, "EPERM", "ENOENT"));
    assert(!isErrno(error, "EPERM"));
    assert(!isErrno(new Error("x"), "ENOENT"));
  },
});

Deno.test({
  name: "a NUL in a name is the caller's mistake, and never shortens the name",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using directory = ownFd(openRoot(b(temp.path)));
    assertThrows(() => mkdirAt(directory.fd, asByteString("a\0b")), RangeError, "NUL");
    assertThrows(() => mkdirAt(directory.fd, "\u0100" as ByteString), RangeError, "not bytes");
    assertEquals(existsAt(directory.fd, b("a")), false);
  },
});

Deno.test({
  name: "every type of inode is made, described, renamed and removed",
  ...root,
  fn: async () => {
    await using temp = await tempDir();
    using directory = ownFd(openRoot(b(temp.path)));
    const at = directory.fd;
    mkdirAt(at, b("d"), 0o700);
    mknodAt(at, b("c"), "char", 0o600, 300, 70000);
    mknodAt(at, b("w"), "char", 0);
    mknodAt(at, b("b"), "block", 0o600, 8, 1);
    mknodAt(at, b("p"), "fifo", 0o600);
    symlinkAt(asByteString("../\xff"), at, b("s"));
    using file = ownFd(openAt(at, b("f"), Open.READ_WRITE | Open.CREATE | Open.EXCLUSIVE, 0o600));
    writeFd(file.fd, new TextEncoder().encode("content"));
    linkAt(at, b("s"), at, b("s2"));

    chownFd(file.fd, 11, 12);
    chmodFd(file.fd, 0o4750);
    utimensFd(file.fd, timestamp(-7, 999_999_999));
    chownAt(at, b("s"), 13, 14);
    utimensAt(at, b("s"), timestamp(5, 1));
    chmodAt(at, b("p"), 0o666);

    const f = statFd(file.fd);
    assertEquals([f.type, f.mode, f.uid, f.gid, f.size, f.nlink], ["file", 0o4750, 11, 12, 7, 1]);
    assertEquals(f.mtime, timestamp(-7, 999_999_999));
    const s = statAt(at, b("s"));
    assertEquals([s.type, s.uid, s.gid, s.nlink, s.mtime], ["symlink", 13, 14, 2, timestamp(5, 1)]);
    assert(sameInode(s, statAt(at, b("s2"))));
    assert(!sameInode(s, f));
    assertEquals(readLinkAt(at, b("s2")), asByteString("../\xff"));
    const c = statAt(at, b("c"));
    assertEquals([c.type, c.major, c.minor], ["char", 300, 70000]);
    assertEquals(statAt(at, b("w")).major + statAt(at, b("w")).minor, 0);
    assertEquals([statAt(at, b("b")).type, statAt(at, b("b")).major], ["block", 8]);
    assertEquals([statAt(at, b("p")).type, statAt(at, b("p")).mode], ["fifo", 0o666]);
    assertEquals(statAt(at, b("d")).type, "directory");
    assertEquals(tryStatAt(at, b("none")), undefined);
    assertEquals(readFileAt(at, b("f")), b("content"));
    // A link has no mode, and that of its target must not change.
    const error = assertThrows(() => chmodAt(at, b("s"), 0o777), VarveError);
    assert(isErrno(error, "ENOTSUP", "ELOOP"));

    renameAt(at, b("p"), at, b("d"), "exchange");
    assertEquals(statAt(at, b("d")).type, "fifo");
    const exists = assertThrows(() => renameAt(at, b("f"), at, b("s"), "exclusive"), VarveError);
    assert(isErrno(exists, "EEXIST"));
    unlinkAt(at, b("d"));
    rmdirAt(at, b("p"));
    assertEquals(existsAt(at, b("p")), false);
  },
});

Deno.test("device numbers are encoded as by makedev of glibc", () => {
  assertEquals(makeDevice(8, 1), 0x801n);
  assertEquals(makeDevice(1, 3), 0x103n);
  assertEquals(makeDevice(0xabcde, 0x12345678), 0x000a_b123_456c_de78n);
});

Deno.test({
  name: "a long directory is read to its end",
  ...any,
  fn: async () => {
    await using temp = await tempDir();
    using directory = ownFd(openDirectoryAt(CWD, b(temp.path)));
    const names = Array.from({ length: 1500 }, (_, i) => b(`${"n".repeat(60)}${i}`));
    for (const name of names) mkdirAt(directory.fd, name);
    const found = [...readDirectory(directory.fd)];
    assertEquals(found.map(({ name }) => name).sort(), names.sort());
    assert(found.every(({ type }) => type === "directory"));
  },
});

Deno.test({
  name: "a descriptor is closed once, and its use afterwards throws",
  ...any,
  fn: () => {
    const owned = ownFd(openRoot(b("/")));
    assertEquals(typeof owned.fd, "number");
    owned[Symbol.dispose]();
    owned[Symbol.dispose]();
    assertThrows(() => owned.fd, TypeError, "closed");
    const kept = ownFd(openRoot(b("/")));
    const fd = kept.release();
    assertEquals(fileSystemOf(fd).nameLength, 255);
    closeFd(fd);
  },
});
