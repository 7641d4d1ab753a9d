/** Rows C: modes, owners, devices, times and extended attributes of entries. */
import { assertEquals } from "@std/assert";
import type { ByteString, Timestamp } from "../../../lib/bytes/mod.ts";
import {
  type Entry,
  LAYER_LIMITS,
  type LayerBuilderOptions,
  layerLimits,
} from "../../../lib/layer/mod.ts";
import { lookup, type Node } from "../../../lib/tree/mod.ts";
import {
  build,
  char,
  dir,
  entryOf,
  hardlink,
  symlink,
  verdict,
  xattr,
} from "../../support/images/entries.ts";

type Marked = Exclude<Node, { type: "whiteout" }>;

function nodeOf(entry: Entry, options: LayerBuilderOptions = {}): Marked {
  return lookup(build([entry], options).tree, "x" as ByteString) as Marked;
}

/** Names and values of the attributes that are kept, and the codes of the warnings. */
function kept(entry: Entry, options: LayerBuilderOptions = {}): (string | number)[] {
  const names = nodeOf(entry, options).xattrs.map(({ name }) => name as string);
  return [...names, ...build([entry], options).warnings.map(({ code }) => code)];
}

const le16 = (value: number) => String.fromCharCode(value & 0xff, value >>> 8);
const le32 = (value: number) => le16(value & 0xffff) + le16(value >>> 16);

/** An ACL of [tag, permissions, id]. */
function acl(...entries: readonly (readonly [number, number, number?])[]): string {
  return le32(2) +
    entries.map(([tag, perm, id = 0xffff_ffff]) => le16(tag) + le16(perm) + le32(id)).join("");
}
const EXTENDED = acl([1, 7], [2, 6, 1000], [4, 5], [16, 7], [32, 4]);
const MINIMAL = acl([1, 7], [4, 5], [32, 5]);

Deno.test("C01 C02 permission bits are kept, set-uid too, and nothing above them", () => {
  assertEquals(nodeOf(entryOf("x", "file", { mode: 0o4755 })).mode, 0o4755);
  assertEquals(nodeOf(entryOf("x", "file", { mode: 0o107777 })).mode, 0o7777);
  assertEquals(nodeOf(entryOf("x", "directory", { mode: 0o41777 })).mode, 0o1777);
  assertEquals(nodeOf({ ...symlink("x", "y"), mode: 0 }).mode, 0o777);
});

Deno.test("C05 device numbers out of range are refused", () => {
  const bad: [number, number][] = [[2 ** 32 + 5, 0], [-1, 0], [1, -5], [4096, 0], [1, 2 ** 20], [
    1.5,
    0,
  ]];
  for (const [major, minor] of bad) {
    assertEquals(verdict([char("x", major, minor)]), "E_DEV_RANGE", `${major}:${minor}`);
  }
  assertEquals(verdict([char("x", NaN, 0)]), "E_DEV_RANGE");
  assertEquals(nodeOf(char("x", 4095, 2 ** 20 - 1)).type, "char");
});

Deno.test("C05 the policy says what becomes of device nodes", () => {
  const block = entryOf("x", "block", { devmajor: 8 });
  assertEquals(verdict([block], { policy: { devices: "reject" } }), "E_TYPE");
  const { tree, warnings } = build([block, char("y", 1, 3)], { policy: { devices: "skip" } });
  assertEquals(tree.count, 0);
  assertEquals(warnings, [{ code: "W_DEVICE", count: 2, example: "x" }]);
  assertEquals(verdict([char("../x", 1, 3)], { policy: { devices: "skip" } }), "E_PATH_ESCAPE");
});

Deno.test("C06 a FIFO is a node like another", () => {
  assertEquals(nodeOf(entryOf("x", "fifo")).type, "fifo");
});

Deno.test("C07 an unknown type is refused", () => {
  assertEquals(verdict([entryOf("x", "socket" as Entry["type"])]), "E_TYPE");
});

Deno.test("C09 ids are 0 to 2^32 - 2", () => {
  for (const id of [-1, 2 ** 32 - 1, 2 ** 32, 1e12, 1.5, NaN, Infinity]) {
    assertEquals(verdict([entryOf("x", "file", { uid: id })]), "E_ID", `uid ${id}`);
    assertEquals(verdict([entryOf("x", "directory", { gid: id })]), "E_ID", `gid ${id}`);
    const link = { ...hardlink("y", "x"), uid: id };
    assertEquals(verdict([entryOf("x"), link]), "E_ID", `link ${id}`);
    assertEquals(verdict([{ ...dir("./"), uid: id }]), "E_ID", `root ${id}`);
  }
  const { uid, gid } = nodeOf(entryOf("x", "file", { uid: 2 ** 31, gid: 2 ** 32 - 2 }));
  assertEquals([uid, gid], [2 ** 31, 2 ** 32 - 2]);
});

Deno.test("C09 sizes and times that no inode has are refused", () => {
  for (const size of [-1, 1.5, 2 ** 53, NaN]) {
    assertEquals(verdict([entryOf("x", "file", { size })]), "E_SIZE", `${size}`);
  }
  for (const ns of [-1, 1e9, 0.5]) {
    assertEquals(verdict([entryOf("x", "file", { mtime: { lo: 0, hi: 0, ns } })]), "E_TIME");
  }
});

Deno.test("C11 capabilities of version 2 and 3 are kept, malformed ones refused", () => {
  const of = (value: string) =>
    entryOf("x", "file", { xattrs: [xattr("security.capability", value)] });
  const v2 = le32(0x0200_0001) + "\0".repeat(16);
  const v3 = le32(0x0300_0000) + "\0".repeat(16) + le32(1000);
  assertEquals(kept(of(v2)), ["security.capability"]);
  assertEquals(kept(of(v3)), ["security.capability"]);
  const v1 = le32(0x0100_0000) + "\0".repeat(8);
  const flagged = le32(0x0200_0002) + "\0".repeat(16);
  for (const value of ["", "abc", v1, v2 + "\0", v2.slice(0, 19), v3.slice(0, 20), flagged]) {
    assertEquals(verdict([of(value)]), "E_XATTR", `${value.length} bytes`);
  }
});

Deno.test("C13 attributes of this host are dropped and counted, ACLs kept when they parse", () => {
  const of = (name: string, value: string, type: Entry["type"] = "file") =>
    entryOf("x", type, { linkname: "y", mode: 0o774, devmajor: 1, xattrs: [xattr(name, value)] });
  const access = "system.posix_acl_access";
  const standard = "system.posix_acl_default";
  assertEquals(kept(of("trusted.foo", "1")), ["W_XATTR_TRUSTED"]);
  for (const name of ["selinux", "evm", "apparmor", "ima", "SMACK64"]) {
    assertEquals(kept(of(`security.${name}`, "1")), ["W_XATTR_SECURITY"], name);
  }
  assertEquals(kept(of("security.ima", "1"), { policy: { ima: "keep" } }), ["security.ima"]);
  assertEquals(kept(of("system.nfs4_acl", "1")), ["W_XATTR_SYSTEM"]);
  const text = { ...entryOf("x", "file"), aclTexts: ["SCHILY.acl.ace" as ByteString] };
  assertEquals(kept(text), ["W_ACL_TEXT"]);
  assertEquals(kept(of(access, EXTENDED)), [access]);
  assertEquals(kept(of(access, EXTENDED, "directory")), [access]);
  assertEquals(kept(of(standard, MINIMAL, "directory")), [standard]);
  assertEquals(kept(of(standard, EXTENDED)), ["W_XATTR_ACL"], "default, but no directory");
  assertEquals(kept(of(access, EXTENDED, "symlink")), ["W_XATTR_ACL"]);
  assertEquals(kept(of(access, MINIMAL)), ["W_XATTR_ACL"], "no more than the mode");
  const broken = {
    empty: "",
    header: le32(2),
    version: le32(1) + EXTENDED.slice(4),
    cut: EXTENDED.slice(0, -1),
    unordered: acl([4, 5], [1, 7], [32, 5]),
    twice: acl([1, 7], [1, 7], [4, 5], [32, 5]),
    permissions: acl([1, 8], [4, 5], [32, 5]),
    tag: acl([1, 7], [3, 7], [4, 5], [32, 5]),
    unmasked: acl([1, 7], [2, 6, 1000], [4, 5], [32, 5]),
    nobody: acl([1, 7], [2, 6, 0xffff_ffff], [4, 5], [16, 7], [32, 5]),
    incomplete: acl([1, 7], [4, 5]),
  };
  for (const [why, value] of Object.entries(broken)) {
    assertEquals(kept(of(access, value)), ["W_XATTR_ACL"], why);
  }
});

Deno.test("C13 an access ACL says what the mode says, as after extraction", () => {
  const entry = entryOf("x", "file", {
    mode: 0o640,
    xattrs: [xattr("system.posix_acl_access", EXTENDED)],
  });
  const expected = acl([1, 6], [2, 6, 1000], [4, 5], [16, 4], [32, 0]);
  assertEquals(nodeOf(entry).xattrs[0]?.value as string, expected);
});

Deno.test("C13 an access ACL says what the mode of the last hard link says", () => {
  const xattrs = [xattr("system.posix_acl_access", EXTENDED), xattr("user.x", "1")];
  const built = build([
    entryOf("x", "file", { mode: 0o764, xattrs }),
    entryOf("y", "hardlink", { linkname: "x", mode: 0o640 }),
  ]);
  const expected = acl([1, 6], [2, 6, 1000], [4, 5], [16, 4], [32, 0]);
  for (const path of ["x", "y"]) {
    const node = lookup(built.tree, path as ByteString) as Marked;
    assertEquals([node.mode, ...node.xattrs.map(({ value }) => value as string)], [
      0o640,
      expected,
      "1",
    ]);
  }
});

Deno.test("C14 user attributes of links, devices and FIFOs are dropped", () => {
  const xattrs = [xattr("user.x", "1")];
  for (const type of ["symlink", "char", "block", "fifo"] as const) {
    const entry = entryOf("x", type, { linkname: "y", devmajor: 1, xattrs });
    assertEquals(kept(entry), ["W_XATTR_USER"], type);
  }
  assertEquals(kept(entryOf("x", "file", { xattrs })), ["user.x"]);
  assertEquals(kept(entryOf("x", "directory", { xattrs })), ["user.x"]);
});

Deno.test("C15 C17 attributes that no inode can have are refused", () => {
  const of = (...xattrs: Entry["xattrs"]) => verdict([entryOf("x", "file", { xattrs })]);
  for (const name of ["", "noname", ".x", "user.", `user.${"n".repeat(251)}`, "user.a\0b"]) {
    assertEquals(of(xattr(name, "1")), "E_XATTR", JSON.stringify(name.slice(0, 20)));
  }
  assertEquals(of(xattr(`user.${"n".repeat(250)}`)), "OK");
  assertEquals(of(xattr("user.x", "v".repeat(65_536))), "OK");
  assertEquals(of(xattr("user.x", "v".repeat(65_537))), "E_XATTR");
  const many = Array.from({ length: 10_000 }, (_, i) => xattr(`user.${i}`));
  assertEquals(of(...many), "E_XATTR");
  const large = Array.from({ length: 17 }, (_, i) => xattr(`user.${i}`, "v".repeat(65_000)));
  assertEquals(of(...large), "E_XATTR");
  assertEquals(kept(entryOf("x", "file", { xattrs: [xattr("com.apple.quarantine", "1")] })), [
    "W_XATTR_NAMESPACE",
  ]);
});

Deno.test("C15 attributes are sorted, and the last of a name wins", () => {
  const xattrs = [xattr("user.b", "1"), xattr("user.a", "2"), xattr("user.b", "3")];
  assertEquals(nodeOf(entryOf("x", "file", { xattrs })).xattrs, [
    xattr("user.a", "2"),
    xattr("user.b", "3"),
  ]);
});

Deno.test("C19 times are kept from -2^63 to 2^63 - 1 with their nanoseconds", () => {
  const times: Timestamp[] = [
    { hi: -(2 ** 31), lo: 0, ns: 0 },
    { hi: 2 ** 31 - 1, lo: 2 ** 32 - 1, ns: 999_999_999 },
    { hi: -1, lo: 2 ** 32 - 1, ns: 1 },
  ];
  for (const mtime of times) assertEquals(nodeOf(entryOf("x", "file", { mtime })).mtime, mtime);
});

Deno.test("C15 every default limit is the documented one, and has a setting", () => {
  assertEquals(layerLimits(), {
    entries: 5_000_000,
    path: 64 * 1024,
    component: 255,
    depth: 4096,
    metadata: 512 * 1024 * 1024,
    entryRatio: 120,
    entryRatioFrom: 50_000,
    metadataRatio: 32,
    metadataRatioFrom: 32 * 1024 * 1024,
    xattrValue: 64 * 1024,
    xattrTotal: 1024 * 1024,
    links: 40,
    linkSteps: 20_000_000,
  });
  for (const [name, { setting }] of Object.entries(LAYER_LIMITS)) {
    assertEquals(setting, `limits.layer.${name}`);
  }
});
