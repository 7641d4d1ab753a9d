/** What users do to the read-write layers that are committed. */
import { assert, assertEquals } from "@std/assert";
import { asByteString, fromBytes, fromText } from "../../lib/bytes/mod.ts";
import { TarReader } from "../../lib/codec/tar/mod.ts";
import { NO_BASE, type ScanForm, scanInPool } from "../../lib/directory/internal.ts";
import { VarveError } from "../../lib/errors.ts";
import type { Entry } from "../../lib/layer/mod.ts";
import {
  CWD,
  mknodAt,
  openDirectoryAt,
  ownFd,
  setXattrAt,
  symlinkAt,
} from "../../lib/linux/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import type { Tree } from "../../lib/tree/mod.ts";
import { layerOf, rootTreeOf } from "../support/extraction/arena.ts";
import { needs, type Skip } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { waitUntil } from "../support/machine/wait.ts";
import { FileRewriter } from "../support/races/file_rewriter.ts";
import {
  DRIVER_NAMES,
  mountAt,
  snapshotFixture,
  TMPFS,
} from "../support/snapshots/snapshot_fixture.ts";
import type { TarFixture } from "../support/tar/tar_fixture.ts";
import { baseOf } from "../support/trees/scan_tree.ts";

const ROOT: Skip = needs({ root: true });
const MOUNT: Skip = needs({ root: true, mount: true, kernel: "6.6" });

const BASE: readonly TarFixture[] = [
  { name: "dir/", type: "dir" },
  { name: "dir/a", content: "a" },
  { name: "dir/b", content: "b" },
  { name: "file", content: "f" },
];

/** The layer of a directory: its entries by path, and the warnings. */
async function scanned(path: string, form: ScanForm, base?: Tree) {
  await using pool = createPool({ inline: true });
  using root = ownFd(openDirectoryAt(CWD, fromText(path)));
  const { layer, warnings, empty } = await scanInPool({
    pool,
    root: root.fd,
    form,
    base: base === undefined ? NO_BASE : baseOf(base),
    target: { kind: "memory" },
  });
  const entries = new Map<string, Entry & { content: string }>();
  if (layer?.memory !== undefined) {
    let entry: Entry, content = "";
    const reader = new TarReader({
      entry: (one) => void (entry = one, content = ""),
      data: (chunk) => void (content += fromBytes(chunk)),
      hole: (length) => void (content += "\0".repeat(length)),
      endEntry: () => void entries.set(entry.path, { ...entry, content }),
    });
    for (const piece of layer.memory.tar) reader.push(piece);
    reader.end();
  }
  return { entries, warnings: warnings.map(({ code, count }) => `${code} ${count}`), empty };
}

/** The code that a scan is refused with. */
async function verdict(path: string, form: ScanForm, base?: Tree): Promise<string> {
  try {
    await scanned(path, form, base);
    return "ok";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

const base = () => rootTreeOf([layerOf(BASE)]);
const xattr = (path: string, name: string, value = "y") =>
  setXattrAt(CWD, fromText(path), asByteString(name), asByteString(value));

Deno.test({
  name:
    "B29 what a user sets as trusted.overlay.* in the merged directory is no mark, and goes nowhere",
  ...MOUNT,
  async fn() {
    await using fixture = await snapshotFixture("overlay", { inMemory: true });
    const { chainId, diffIds } = await fixture.chain([BASE]);
    const { snapshotter, store } = fixture;
    const mounts = await snapshotter.prepare("work", snapshotter.ensureChain(chainId));
    await using merged = await fixture.mount(mounts);
    xattr(`${merged.path}/dir`, "trusted.overlay.opaque");
    xattr(`${merged.path}/dir`, "user.overlay.opaque");
    xattr(`${merged.path}/file`, "user.kept", "1");
    xattr(`${merged.path}/file`, "trusted.overlay.whiteout");
    const cacheId = snapshotter.stat("work").cacheId as number;
    const upper = `${store.directories?.snapshot(cacheId)}/fs`;
    const tree = await store.layers.tree(diffIds[0] as typeof diffIds[0]);
    const { entries, warnings } = await scanned(
      upper,
      "overlay",
      rootTreeOf([{ ...layerOf(BASE), tree }]),
    );
    // Without its attributes the directory is as it was.
    assertEquals([...entries.keys()], ["file"]);
    assertEquals(entries.get("file")?.xattrs.map(({ name, value }) => `${name}=${value}`), [
      "user.kept=1",
    ]);
    assertEquals(warnings, ["W_XATTR_OVERLAY 3"]);
  },
});

Deno.test({
  name: "B30 overlayfs' marks are read and taken off: whiteouts of all kinds, opaque directories",
  ...MOUNT,
  async fn() {
    await using temp = await tempDir();
    await using fs = await mountAt([TMPFS], temp.join("upper"));
    const upper = fs.path;
    mknodAt(CWD, fromText(`${upper}/file`), "char", 0);
    mknodAt(CWD, fromText(`${upper}/never`), "char", 0);
    await Deno.mkdir(`${upper}/dir`);
    xattr(`${upper}/dir`, "trusted.overlay.opaque", "x");
    await Deno.writeTextFile(`${upper}/dir/a`, "");
    xattr(`${upper}/dir/a`, "trusted.overlay.whiteout", "");
    await Deno.mkdir(`${upper}/fresh`);
    for (const name of ["opaque", "origin", "impure", "nlink", "upper", "uuid", "protattr"]) {
      xattr(`${upper}/fresh`, `trusted.overlay.${name}`);
    }
    const { entries, warnings } = await scanned(upper, "overlay", base());
    assertEquals(
      [...entries.keys()],
      [".wh.file", "./", "dir/", "dir/.wh.a", "fresh/"].sort((a, b) =>
        a === "./" ? -1 : b === "./" ? 1 : a < b ? -1 : 1
      ),
    );
    for (const { xattrs } of entries.values()) assertEquals(xattrs, []);
    assertEquals(warnings, []);
    xattr(`${upper}/dir`, "trusted.overlay.opaque", "y");
    assert((await scanned(upper, "overlay", base())).entries.has("dir/.wh..wh..opq"));
  },
});

for (const mark of ["redirect", "metacopy"]) {
  for (const what of ["directory", "file"]) {
    Deno.test({
      name: `B30 a ${what} with the mark ${mark} is an error, never silent loss`,
      ...MOUNT,
      async fn() {
        await using temp = await tempDir();
        await using fs = await mountAt([TMPFS], temp.join("upper"));
        if (what === "directory") await Deno.mkdir(`${fs.path}/x`);
        else await Deno.writeTextFile(`${fs.path}/x`, "");
        xattr(`${fs.path}/x`, `trusted.overlay.${mark}`, "/dir");
        assertEquals(await verdict(fs.path, "overlay", base()), "E_PRECONDITION");
      },
    });
  }
}

for (const name of [".wh.foo", ".wh..wh..opq", ".wh."]) {
  for (const form of ["overlay", "plain"] as const) {
    Deno.test({
      name: `B31 a user's own ${name} is refused (${form})`,
      ...ROOT,
      async fn() {
        await using temp = await tempDir();
        await Deno.writeTextFile(temp.join(name), "");
        assertEquals(await verdict(temp.path, form), "E_WHITEOUT_NAME");
        await Deno.remove(temp.join(name));
        await Deno.mkdir(temp.join(name));
        assertEquals(await verdict(temp.path, form), "E_WHITEOUT_NAME");
      },
    });
  }
}

Deno.test({
  name: "C13 trusted.* goes nowhere, ACLs stay; C14 user.* of links cannot be; each is counted",
  ...MOUNT,
  async fn() {
    await using temp = await tempDir();
    await using fs = await mountAt([TMPFS], temp.join("x"));
    await Deno.writeTextFile(`${fs.path}/file`, "");
    symlinkAt(asByteString("file"), CWD, fromText(`${fs.path}/link`));
    xattr(`${fs.path}/file`, "trusted.foo");
    xattr(`${fs.path}/link`, "trusted.foo");
    const acl = "\x02\0\0\0" + "\x01\0\x06\0\xff\xff\xff\xff" + "\x02\0\x04\0\x05\0\0\0" +
      "\x04\0\x04\0\xff\xff\xff\xff" + "\x10\0\x04\0\xff\xff\xff\xff" +
      "\x20\0\x04\0\xff\xff\xff\xff";
    xattr(`${fs.path}/file`, "system.posix_acl_access", acl);
    const { entries, warnings } = await scanned(fs.path, "plain");
    assertEquals(entries.get("file")?.xattrs.map((one) => one.name as string), [
      "system.posix_acl_access",
    ]);
    assertEquals(entries.get("link")?.xattrs, []);
    assertEquals(warnings, ["W_XATTR_TRUSTED 2"]);
  },
});

Deno.test({
  name: "sockets are left out and counted; FIFOs and devices are never opened",
  ...ROOT,
  async fn() {
    await using temp = await tempDir();
    using _socket = Deno.listen({ transport: "unix", path: temp.join("socket") });
    // Whoever opened the FIFO for reading would wait for ever; the watchdog-like device has no driver.
    mknodAt(CWD, fromText(temp.join("fifo")), "fifo", 0o644);
    mknodAt(CWD, fromText(temp.join("device")), "char", 0o644, 240, 7);
    const { entries, warnings } = await scanned(temp.path, "plain");
    assertEquals([...entries].map(([path, { type }]) => `${path} ${type}`), [
      "./ directory",
      "device char",
      "fifo fifo",
    ]);
    assertEquals(warnings, ["W_SOCKET 1"]);
  },
});

Deno.test({
  name: "a socket in the place of a file hides the file",
  ...ROOT,
  async fn() {
    await using temp = await tempDir();
    using _socket = Deno.listen({ transport: "unix", path: temp.join("file") });
    const { entries } = await scanned(temp.path, "overlay", base());
    assert(entries.has(".wh.file"));
  },
});

Deno.test({
  name: "a file system mounted inside is an error, not part of the layer",
  ...MOUNT,
  async fn() {
    await using temp = await tempDir();
    await using _ = await mountAt([TMPFS], temp.join("inside"));
    assertEquals(await verdict(temp.path, "plain"), "E_XDEV");
  },
});

/** Sizes read whole, and while they are written. */
for (const size of [6000, 900_000, 3_000_000]) {
  Deno.test({
    name:
      `J20 a file of ${size} bytes that is rewritten meanwhile is whole, or the scan is refused`,
    ...ROOT,
    async fn() {
      await using temp = await tempDir();
      const path = temp.join("file");
      using rewriter = new FileRewriter();
      await rewriter.start(path, size);
      let raced = 0;
      await waitUntil("25 scans in which the file is written", async () => {
        const before = rewriter.writes;
        try {
          const { entries } = await scanned(temp.path, "plain");
          const { content, size } = entries.get("file") as Entry & { content: string };
          assertEquals(content.length, size);
          // The writer sets the size first: what that adds is zeros at the end, for a moment.
          const bytes = new Set(content.replace(/\0{1,6}$/, ""));
          assertEquals(bytes.size, 1, `bytes of ${bytes.size} writes`);
        } catch (error) {
          if (!(error instanceof VarveError) || error.code !== "E_BUSY") throw error;
        }
        if (rewriter.writes > before) raced++;
        return raced === 25;
      }, { seen: () => raced });
      await rewriter.stop();
      // At rest it is read.
      assertEquals((await scanned(temp.path, "plain")).entries.get("file")?.type, "file");
    },
  });
}

Deno.test({
  name: "J20 what is no longer there when its turn comes is an error, and leaves nothing",
  ...MOUNT,
  async fn() {
    for (const driver of DRIVER_NAMES) {
      await using fixture = await snapshotFixture(driver, { inMemory: true });
      const { chainId } = await fixture.chain([BASE]);
      const { snapshotter, store } = fixture;
      await snapshotter.prepare("work", snapshotter.ensureChain(chainId));
      const cacheId = snapshotter.stat("work").cacheId as number;
      const files = `${store.directories?.snapshot(cacheId)}/fs`;
      await Deno.mkdir(`${files}/new`);
      const root = ownFd(openDirectoryAt(CWD, fromText(files)));
      using _ = root;
      const { pool } = fixture;
      // The directory goes between the listing and the scan of it.
      const racing: typeof pool = {
        ...pool,
        async run(job, input, options) {
          const output = await pool.run(job, input, options);
          if (job.name === "list") await Deno.remove(`${files}/new`);
          return output;
        },
      };
      const form = driver === "native" ? "plain" : "overlay";
      const refused = await scanInPool({ pool: racing, root: root.fd, form, base: NO_BASE })
        .then(() => "ok", (error: VarveError) => error.code);
      assertEquals(refused, "E_BUSY");
    }
  },
});
