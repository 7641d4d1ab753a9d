import { assertEquals, assertThrows } from "@std/assert";
import { type ByteString, fromText } from "../../../lib/bytes/mod.ts";
import { findUser } from "../../../lib/container/bundle/user.ts";
import { VarveError } from "../../../lib/errors.ts";

const PASSWD = fromText(`# a comment
root:x:0:0:root:/root:/bin/sh

short:x
web:x:33:34:web:/srv/web:/bin/sh
twice:x:50:50::/first:
twice:x:51:51::/second:
7:x:70:70::/seven:
bad:x:-1:0::/:
big:x:4294967295:0::/:
müller:x:60:60::/home/müller:/bin/sh`);
const GROUP = fromText("root:x:0:\nweb:x:34:\nextra:x:44:web,other\nmore:x:45: web\n9:x:90:\n");

const cases: [string, number, number, number[], string][] = [
  ["", 0, 0, [0], "/root"],
  ["root", 0, 0, [0], "/root"],
  ["0", 0, 0, [0], "/root"],
  ["web", 33, 34, [34, 44], "/srv/web"],
  ["33", 33, 34, [34, 44], "/srv/web"],
  ["web:extra", 33, 44, [44], "/srv/web"],
  ["web:4711", 33, 4711, [4711], "/srv/web"],
  [":extra", 0, 44, [44], "/root"],
  ["web:", 33, 34, [34, 44], "/srv/web"],
  ["1000", 1000, 0, [0], "/"],
  ["1000:1001", 1000, 1001, [1001], "/"],
  ["twice", 50, 50, [50], "/first"],
  // A name that looks like a number is looked up as a name first.
  ["7", 70, 70, [70], "/seven"],
  ["7:9", 70, 90, [90], "/seven"],
  ["2147483647", 2147483647, 0, [0], "/"],
  ["müller", 60, 60, [60], fromText("/home/müller")],
];
for (const [user, uid, gid, groups, home] of cases) {
  Deno.test(`findUser: ${JSON.stringify(user)}`, () => {
    assertEquals(findUser(user, PASSWD, GROUP), { uid, gid, groups, home: home as ByteString });
  });
}

for (
  const [user, code] of [
    ["nobody", "E_MISSING"],
    ["web:nogroup", "E_MISSING"],
    ["bad", "E_MISSING"],
    ["big", "E_MISSING"],
    ["short", "E_MISSING"],
    ["-1", "E_MISSING"],
    ["0x10", "E_MISSING"],
    ["web:44:45", "E_MISSING"],
    ["2147483648", "E_ID"],
    ["0:2147483648", "E_ID"],
    ["99999999999", "E_MISSING"],
  ] as const
) {
  Deno.test(`findUser: refuses ${JSON.stringify(user)}`, () => {
    assertEquals(assertThrows(() => findUser(user, PASSWD, GROUP), VarveError).code, code);
  });
}

Deno.test("findUser: numbers work in an image without passwd and group", () => {
  const none = "" as ByteString;
  assertEquals(findUser("", none, none), { uid: 0, gid: 0, groups: [0], home: fromText("/") });
  assertEquals(findUser("5:6", none, none).gid, 6);
  assertEquals(assertThrows(() => findUser("root", none, none), VarveError).code, "E_MISSING");
});
