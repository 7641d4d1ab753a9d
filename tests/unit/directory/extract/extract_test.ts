import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type ByteString, fromText } from "../../../../lib/bytes/mod.ts";
import { addReports } from "../../../../lib/directory/extract/extract_report.ts";
import { extractTree } from "../../../../lib/directory/extract/extract_tree.ts";
import { VarveError } from "../../../../lib/errors.ts";
import {
  closeFd,
  CWD,
  fileSystemOf,
  openDirectoryAt,
  openRoot,
  ownFd,
  setXattrAt,
} from "../../../../lib/linux/mod.ts";
import {
  arena,
  layerOf,
  listing,
  OVERLAY_POLICY,
  rootTreeOf,
  verdictOf,
} from "../../../support/extraction/arena.ts";
import { CAPABILITY, ODD_NAME } from "../../../support/images/sample_image.ts";
import { needs } from "../../../support/machine/needs.ts";
import { FIXTURE_MTIME, type TarFixture } from "../../../support/tar/tar_fixture.ts";

const root = needs({ root: true });

// An entry of a hard link sets the attributes of its inode again.
const TOOL = { mode: 0o4751, uid: 12, gid: 13, mtime: "77.123456789" };
const LINK = { uid: 3, gid: 4, mtime: "99.5" };

const EVERYTHING: readonly TarFixture[] = [
  { name: "./", mode: 0o750, uid: 7, gid: 8, mtime: "1000.000000001", xattrs: { "user.r": "r" } },
  { name: "d/", mode: 0o2775, uid: 1000, gid: 1001, mtime: 5 },
  { ...TOOL, name: "d/f", content: "hello" },
  { ...TOOL, name: "d/g", type: "hardlink", target: "d/f" },
  { name: "d/empty", content: "", mode: 0o600, xattrs: { "user.a": "\0\x01", "user.b": "" } },
  { ...LINK, name: "s", target: "../../nowhere" },
  { ...LINK, name: "a", type: "hardlink", target: "s" },
  { name: "p", type: "fifo", mode: 0o666, uid: 5 },
  { name: "c", type: "char", mode: 0o666, major: 1, minor: 3 },
  { name: "b", type: "block", mode: 0o660, major: 300, minor: 70000, gid: 6 },
  { name: "cap", content: "x", mode: 0o755, uid: 9, xattrs: { "security.capability": CAPABILITY } },
  { name: "closed/", mode: 0o000, mtime: 12 },
  { name: "closed/in", content: "in" },
  { name: ODD_NAME, content: "odd" },
];

Deno.test(
  { name: "every type of file is made with all its attributes", ...root },
  async () => {
    await using place = await arena();
    const report = place.extract([layerOf(EVERYTHING)]);
    const hash = (text: string) => listingOf(text);
    const m = `${FIXTURE_MTIME}.000000000`;
    const seen = Object.fromEntries(listing(place.root));
    assertEquals(seen, {
      ".": "directory 0750 7:8 1000.000000001 user.r=r",
      "a": "symlink 0777 3:4 n2 99.500000000 -> ../../nowhere",
      "b": `block 0660 0:6 n1 300:70000 ${m}`,
      "c": `char 0666 0:0 n1 1:3 ${m}`,
      "cap": `file 0755 9:0 n1 ${m} 1 ${await hash("x")} security.capability=${
        Array.from(CAPABILITY, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")
      }`,
      "closed": "directory 0000 0:0 12.000000000",
      "closed/in": `file 0644 0:0 n1 ${m} 2 ${await hash("in")}`,
      "d": "directory 2775 1000:1001 5.000000000",
      "d/empty": `file 0600 0:0 n1 ${m} 0 ${await hash("")} user.a=\\x00\\x01 user.b=`,
      "d/f": `file 4751 12:13 n2 77.123456789 5 ${await hash("hello")}`,
      "d/g": `file 4751 12:13 n2 77.123456789 5 ${await hash("hello")}`,
      "odd": `directory 0755 0:0 0.000000000`,
      "odd/latin-\\xe9\\xff": `file 0644 0:0 n1 ${m} 3 ${await hash("odd")}`,
      "p": `fifo 0666 5:0 n1 ${m}`,
      "s": "symlink 0777 3:4 n2 99.500000000 -> ../../nowhere",
    });
    assertEquals(report, {
      directories: 3,
      files: 5,
      symlinks: 1,
      links: 2,
      specials: 3,
      whiteouts: 0,
      bytes: 11,
      dropped: {
        "owner": 0,
        "device": 0,
        "xattr-trusted": 0,
        "xattr-security": 0,
        "xattr-unsupported": 0,
        "time": 0,
      },
    });
  },
);

async function listingOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 12);
}

Deno.test({ name: "phases and parts make the same as one call", ...root }, async () => {
  await using one = await arena();
  await using many = await arena();
  const layer = layerOf([
    ...EVERYTHING,
    ...Array.from({ length: 200 }, (_, i): TarFixture => ({
      name: `n/${i % 7}/${i}`,
      content: `${i}`.repeat(i * 50),
    })),
  ]);
  const whole = one.extract([layer]);
  const target = openRoot(fromText(many.root));
  try {
    const reports = [many.extract([layer], { target, phase: "directories" })];
    for (const index of [2, 0, 1]) {
      const part = many.extract([layer], { target, phase: "entries", part: { index, count: 3 } });
      assert(part.files > 20, `part ${index} has ${part.files} files of 205`);
      reports.push(part);
    }
    reports.push(many.extract([layer], { target, phase: "finish" }));
    assertEquals(addReports(reports), whole);
  } finally {
    closeFd(target);
  }
  assertEquals(listing(many.root), listing(one.root));
});

Deno.test({ name: "sparse content keeps its holes", ...root }, async () => {
  await using place = await arena();
  const map = "2\n8192\n4\n1048576\n3\n".padEnd(512, "\0");
  const pax = {
    "GNU.sparse.major": "1",
    "GNU.sparse.minor": "0",
    "GNU.sparse.name": "sparse",
    "GNU.sparse.realsize": "5000000",
  };
  const report = place.extract([layerOf([{ name: "x", content: `${map}DATAend`, pax }])]);
  const bytes = await Deno.readFile(`${place.root}/sparse`);
  assertEquals(bytes.length, 5_000_000);
  assertEquals(new TextDecoder().decode(bytes.subarray(8192, 8196)), "DATA");
  assertEquals(new TextDecoder().decode(bytes.subarray(1048576, 1048579)), "end");
  assertEquals(bytes.reduce((sum, byte) => sum + Math.sign(byte), 0), 7);
  assertEquals(report.bytes, 7);
  const { blocks } = await Deno.stat(`${place.root}/sparse`);
  assert(blocks !== null && blocks < 64, `it takes ${blocks} blocks`);
});

Deno.test({
  name: "without root, owners, devices and attributes are left out and counted",
  ...root,
}, async () => {
  await using place = await arena();
  const policy = { whiteouts: "none", owners: "keep", devices: "keep", rootless: true } as const;
  const { dropped } = place.extract([layerOf(EVERYTHING)], { policy });
  const seen = listing(place.root);
  assertEquals(seen.has("c"), false);
  assertEquals(seen.has("b"), false);
  assertEquals(seen.get("d")?.slice(0, 22), "directory 2775 0:0 5.0");
  assertEquals(seen.get("d/f")?.slice(0, 16), "file 4751 0:0 n2");
  assertEquals(seen.get("cap")?.includes("security"), false);
  assertEquals(dropped, {
    "owner": 6,
    "device": 2,
    "xattr-trusted": 0,
    "xattr-security": 1,
    "xattr-unsupported": 0,
    "time": 0,
  });
});

Deno.test({ name: "devices are rejected where the policy says so", ...root }, async () => {
  await using place = await arena();
  const policy = { ...OVERLAY_POLICY, devices: "reject" } as const;
  assertEquals(verdictOf(() => place.extract([layerOf(EVERYTHING)], { policy })), "E_TYPE");
});

Deno.test({ name: "overlay's whiteouts need root", ...root }, async () => {
  await using place = await arena();
  const policy = { ...OVERLAY_POLICY, rootless: true };
  assertEquals(verdictOf(() => place.extract([layerOf([])], { policy })), "E_UNSUPPORTED");
});

Deno.test(
  { name: "a target that is not empty is refused and keeps what it has", ...root },
  async () => {
    await using place = await arena();
    await Deno.writeTextFile(`${place.root}/f`, "mine");
    assertEquals(
      verdictOf(() => place.extract([layerOf([{ name: "f", content: "x" }])])),
      "E_EXISTS",
    );
    assertEquals(await Deno.readTextFile(`${place.root}/f`), "mine");
  },
);

Deno.test({ name: "new files inherit nothing from the target", ...root }, async () => {
  await using place = await arena();
  await Deno.chmod(place.root, 0o2777);
  await Deno.chown(place.root, 1, 2);
  // A default ACL: user::rwx, user:1234:rwx, group::r-x, mask::rwx, other::r-x.
  const acl = [[1, 7, -1], [2, 7, 1234], [4, 5, -1], [16, 7, -1], [32, 5, -1]];
  const value = new DataView(new ArrayBuffer(4 + 8 * acl.length));
  value.setUint32(0, 2, true);
  for (const [i, [tag = 0, perm = 0, id = 0]] of acl.entries()) {
    value.setUint16(4 + 8 * i, tag, true);
    value.setUint16(6 + 8 * i, perm, true);
    value.setInt32(8 + 8 * i, id, true);
  }
  const text = String.fromCharCode(...new Uint8Array(value.buffer)) as ByteString;
  setXattrAt(CWD, fromText(place.root), fromText("system.posix_acl_default"), text);
  place.extract([layerOf([{ name: "d/", mode: 0o755 }, { name: "d/f", content: "x" }])]);
  const seen = listing(place.root);
  assertEquals(seen.get("."), "directory 0755 0:0 0.000000000");
  assertEquals(seen.get("d"), `directory 0755 0:0 ${FIXTURE_MTIME}.000000000`);
  assertEquals(seen.get("d/f")?.slice(0, 16), "file 0644 0:0 n1");
});

Deno.test({ name: "the checkpoint can end an extraction", ...root }, async () => {
  await using place = await arena();
  const layer = layerOf(Array.from({ length: 600 }, (_, i) => ({ name: `f${i}`, content: "" })));
  const stop = new Error("stop");
  const checkpoint = () => {
    throw stop;
  };
  let caught: unknown;
  try {
    place.extract([layer], { checkpoint });
  } catch (error) {
    caught = error;
  }
  assert(caught === stop);
});

Deno.test(
  { name: "a missing or short layer tar is named in the error", ...root },
  async () => {
    await using place = await arena();
    const layer = layerOf([{ name: "f", content: "x".repeat(9000) }]);
    assertEquals(verdictOf(() => place.extract([layer], { contents: new Map() })), "E_MISSING");
    await Deno.remove(`${place.root}/f`);
    const cut = { ...layer, tar: layer.tar.slice(0, 1000) };
    assertEquals(verdictOf(() => place.extract([cut])), "E_DAMAGE");
  },
);

Deno.test({ name: "a part that does not exist is the caller's mistake", ...root }, async () => {
  await using place = await arena();
  const tree = rootTreeOf([]);
  const options = {
    tree,
    target: fromText(place.root),
    contents: new Map(),
    policy: OVERLAY_POLICY,
  };
  let message = "";
  try {
    extractTree({ ...options, part: { index: 2, count: 2 } });
  } catch (error) {
    assert(error instanceof RangeError);
    message = error.message;
  }
  assertEquals(message, "Cannot extract part 2 of 2: there is no such part");
});

/** This file system reports an xattr that does not fit as a full disk. */
function isExt4(path: string): boolean {
  using directory = ownFd(openDirectoryAt(CWD, fromText(path)));
  return fileSystemOf(directory.fd).type === "ext4";
}

Deno.test({
  name: "an xattr that does not fit is reported as that, not as a full disk",
  ignore: root.ignore || !isExt4(Deno.env.get("TMPDIR") ?? "/tmp"),
  async fn() {
    await using place = await arena();
    const xattrs = { "user.large": "v".repeat(60_000) };
    const layer = layerOf([{ name: "file", content: "x", xattrs }]);
    const error = assertThrows(() => place.extract([layer]), VarveError);
    assertEquals(
      error.message,
      "Cannot extract file: user.large: ext4 has no room for the 60010 bytes of this file's attributes",
    );
    assertStringIncludes(String(error.details.hint), "4096 bytes");
  },
});
