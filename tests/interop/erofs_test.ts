/** Images of EROFS before the kernel, erofs-utils, and what umoci unpacks. */
import { assert, assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import { fromText } from "../../lib/bytes/mod.ts";
import { readErofs } from "../../lib/codec/erofs/mod.ts";
import type { DiffId } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { applyLayer, foldLayers } from "../../lib/layer/mod.ts";
import { overlayMount, performMount, performUnmount } from "../../lib/linux/mod.ts";
import { decodeTree, emptyTree, type Tree, TreeBuilder, walk } from "../../lib/tree/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { listing } from "../support/extraction/arena.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { DEBIAN_TOOLS, debianImage } from "../support/peers/debian.ts";
import { diskDir, mountErofs, writeImageFile } from "../support/snapshots/erofs_mount.ts";
import { differences } from "../support/trees/directory_differences.ts";
import { contentModel, LAYERS, readLayer } from "../support/trees/erofs_trees.ts";
import { treeOf } from "../support/trees/model_tree.ts";
import { random } from "../support/trees/random_tree.ts";
import { treeListing, withoutLinks } from "../support/trees/tree_listing.ts";
import { b, dir, file, symlink } from "../support/trees/tree_nodes.ts";

const KERNEL = { root: true, mount: true, kernel: "6.12" };
const TOOLS = ["fsck.erofs", "dump.erofs"];

function devicesOf(devices: readonly DiffId[], tars: ReadonlyMap<DiffId, string>): string[] {
  return devices.map((device) => `--device=${tars.get(device)}`);
}

/** The number that dump.erofs tells after a text. */
function countOf(text: string, what: string): number {
  return Number(new RegExp(`${what}:\\s*(\\d+)`).exec(text)?.[1]);
}

Deno.test({
  name: "Debian: composed and mounted, every path equals umoci's",
  ...needs({ ...KERNEL, tools: [...DEBIAN_TOOLS, ...TOOLS, "chroot"] }),
  fn: async () => {
    const debian = await debianImage();
    await using temp = await diskDir();
    const varve = new Cli(temp.join("store"));
    await varve.json(["load", debian.oci]);
    const layers = await varve.json(["layers", "debian:varve"]);
    const trees: Tree[] = [];
    const tars = new Map<DiffId, string>();
    for (const { diffId, cacheId } of layers) {
      const directory = temp.join("store", "layers", String(cacheId));
      trees.push(decodeTree(await Deno.readFile(`${directory}/tree`)));
      // No path can add an option, nor be too long for the call.
      const odd = temp.join(`${diffId},ro,${"n".repeat(150)}`);
      await Deno.mkdir(odd);
      await Deno.link(`${directory}/layer.tar`, `${odd}/layer.tar`);
      tars.set(diffId, `${odd}/layer.tar`);
    }
    const tree = foldLayers(trees);
    const image = temp.join("image");
    const devices = writeImageFile(image, tree);

    await run(["fsck.erofs", ...devicesOf(devices, tars), image]);
    const { stdout } = await run(["dump.erofs", "-S", "-s", image]);
    const counts = { file: 0, directory: 1, symlink: 0, char: 0, block: 0, fifo: 0, whiteout: 0 };
    for (const { node } of walk(tree)) counts[node.type]++;
    assertEquals({
      file: countOf(stdout, "regular file count"),
      directory: countOf(stdout, "directory count"),
      symlink: countOf(stdout, "symlink file count"),
      char: countOf(stdout, "char dev count"),
      block: countOf(stdout, "block dev count"),
      fifo: countOf(stdout, "FIFO file count"),
      whiteout: countOf(stdout, "unknown type count"),
    }, counts);

    const root = temp.join("root");
    mountErofs(image, root, devices, tars);
    assertEquals(differences(root, debian.unpacked), []);

    const names = ["upper", "work", "merged"].map((name) => temp.join(name));
    for (const name of names) await Deno.mkdir(name);
    const [upper, work, merged] = names as [string, string, string];
    performMount(
      overlayMount({
        lowers: [fromText(root)],
        upper: { directory: fromText(upper), work: fromText(work) },
      }),
      fromText(merged),
    );
    await run(["chroot", merged, "/bin/true"]);
    const hello = await run(["chroot", merged, "/usr/bin/perl", "-e", "print 6 * 7"]);
    assertEquals(hello.stdout, "42");
    performUnmount(fromText(merged));
    performUnmount(fromText(root));

    const reader = new Map<DiffId, Deno.FsFile>();
    for (const [diffId, path] of tars) reader.set(diffId, await Deno.open(path));
    const again = readErofs(await Deno.readFile(image), {
      read: (source, position, length) => {
        const bytes = new Uint8Array(length);
        const file = reader.get(source) as Deno.FsFile;
        file.seekSync(position, Deno.SeekMode.Start);
        for (let at = 0; at < length;) at += file.readSync(bytes.subarray(at)) ?? length;
        return bytes;
      },
    });
    for (const file of reader.values()) file.close();
    assertEquals(again.digest, tree.digest);
    assertGreaterOrEqual(again.count, 30_000);
  },
});

Deno.test({
  name: "random trees: the kernel sees what the tree says, copies and holes included",
  ...needs({ ...KERNEL, tools: TOOLS }),
  fn: async () => {
    await using temp = await diskDir();
    const tars = new Map<DiffId, string>();
    for (const [diffId, bytes] of LAYERS) {
      const path = temp.join(diffId);
      await Deno.writeFile(path, bytes);
      tars.set(diffId, path);
    }
    const dirty = new Set(LAYERS.keys());
    for (let seed = 0; seed < 25; seed++) {
      const tree = treeOf(contentModel(random(seed), "root", 80), "root");
      const image = temp.join(`image-${seed}`);
      const root = temp.join(`root-${seed}`);
      const devices = writeImageFile(image, tree, { read: readLayer, dirty });
      await run(["fsck.erofs", ...devicesOf(devices, tars), image]);
      mountErofs(image, root, devices, tars);
      const seen = listing(root);
      for (const [path, line] of treeListing(tree, true)) {
        assertEquals(seen.get(path), line, `seed ${seed}: ${path}`);
      }
      assertEquals(seen.size, tree.count + 1);
      performUnmount(fromText(root));
    }
  },
});

Deno.test({
  name: "bytes behind the end of a file are hidden where its layer is known to have some",
  ...needs({ ...KERNEL, tools: ["python3"] }),
  fn: async () => {
    await using temp = await diskDir();
    const [source, bytes] = [...LAYERS][0] as [DiffId, Uint8Array];
    const tars = new Map([[source, temp.join("tar")]]);
    await Deno.writeFile(temp.join("tar"), bytes);
    const builder = new TreeBuilder({ kind: "root" });
    for (const size of [5, 5000]) {
      const locator = { source, extents: [{ logical: 0, length: size, position: 1024 }] };
      builder.put(0, b(`f${size}`), file(size, 1, { locator }));
    }
    const tree = builder.finish(null);
    for (const dirty of [new Set<DiffId>(), new Set([source])]) {
      const name = dirty.size === 0 ? "trusting" : "looking";
      const devices = writeImageFile(temp.join(`${name}.img`), tree, { read: readLayer, dirty });
      mountErofs(temp.join(`${name}.img`), temp.join(name), devices, tars);
      for (const size of [5, 5000]) {
        const { stdout } = await run([
          "python3",
          "-c",
          PEEK,
          String(size),
          `${temp.join(name)}/f${size}`,
        ]);
        assertEquals(stdout.trim(), dirty.size === 0 ? "True" : "False", `${name} ${size}`);
      }
      performUnmount(fromText(temp.join(name)));
    }
  },
});

Deno.test({
  name: "layer trees as images under overlay give the root tree",
  ...needs(KERNEL),
  fn: async () => {
    await using temp = await diskDir();
    const below = new TreeBuilder({ kind: "layer" });
    below.update(0, dir());
    for (const name of ["kept", "opaque", "cut"]) {
      const directory = below.put(0, b(name), dir());
      for (const child of ["one", "two"]) {
        below.put(directory, b(child), symlink(`${name}/${child}`));
      }
    }
    const above = new TreeBuilder({ kind: "layer" });
    above.update(0, dir({ mode: 0o700 }));
    above.put(above.put(0, b("opaque"), dir({ opaque: true, uid: 7 })), b("new"), file());
    const cut = above.put(0, b("cut"), dir());
    above.put(cut, b("one"), { type: "whiteout" });
    above.put(cut, b("never"), { type: "whiteout" });
    above.put(0, b("absent"), { type: "whiteout" });
    const alone = above.put(0, b("alone"), dir());
    above.put(alone, b("ghost"), { type: "whiteout" });
    const trees = [below.finish(null), above.finish(null)];
    for (const [i, tree] of trees.entries()) {
      mountErofs(
        temp.join(`${i}.img`),
        temp.join(`${i}`),
        writeImageFile(temp.join(`${i}.img`), tree),
        new Map(),
      );
    }
    await Deno.mkdir(temp.join("merged"));
    performMount(
      overlayMount({ lowers: [1, 0].map((i) => fromText(temp.join(`${i}`))) }),
      fromText(temp.join("merged")),
    );
    const tree = trees.reduce(applyLayer, emptyTree("root"));
    // Overlay of directories counts links in its own way.
    assertEquals(
      Object.fromEntries(withoutLinks(listing(temp.join("merged")))),
      Object.fromEntries(treeListing(tree, false)),
    );
    performUnmount(fromText(temp.join("merged")));
    for (const i of [0, 1]) performUnmount(fromText(temp.join(`${i}`)));
  },
});

Deno.test({
  name: "what mkfs.erofs writes reads as the same tree",
  ...needs({ root: true, tools: ["mkfs.erofs", "mkfifo", "mknod", "setfattr"] }),
  fn: async () => {
    await using temp = await diskDir();
    const root = temp.join("root");
    await run(["bash", "-euc", ODD, "make", root]);
    const wanted = Object.fromEntries(listing(root));
    assert(Object.keys(wanted).length > 1000);
    for (
      const flags of [["-b512"], ["-b4096"], ["-b4096", "--chunksize=8192"], ["-b4096", "-T1"]]
    ) {
      const image = temp.join(`image${flags.join("")}`);
      await run(["mkfs.erofs", ...flags, image, root]);
      const bytes = await Deno.readFile(image);
      const tree = readErofs(bytes);
      const actual = Object.fromEntries(treeListing(tree, true));
      if (!flags.includes("-T1")) assertEquals(actual, wanted, flags.join(" "));
      else assertEquals(Object.keys(actual).sort(), Object.keys(wanted).sort());
      // Its volume name, which nothing but the checksum looks at; mkfs.erofs makes none in blocks of 512.
      if (flags.includes("-b512")) continue;
      bytes[1024 + 64]!++;
      assertThrows(() => readErofs(bytes), VarveError, "checksum");
    }
  },
});

/** Maps a whole page of a file, and tells whether something stands behind the file's end. */
const PEEK = `
import ctypes, sys
size = int(sys.argv[1])
whole = size + 4095 & ~4095
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
with open(sys.argv[2], 'rb') as file:
    at = libc.mmap(None, whole, 1, 2, file.fileno(), 0)
    print(any(ctypes.string_at(at + size, whole - size)))
`;

const ODD = String.raw`
mkdir "$1"; cd "$1"
mkdir -p empty many/deep; for i in $(seq 1000); do echo $i >many/file-with-a-name-$i; done
ln many/file-with-a-name-1 link; ln -s "$(printf 't%.0s' $(seq 700))" long; ln -s short short
mkfifo fifo; mknod char c 5 1; mknod block b 259 70000
head -c 100000 /dev/urandom >large; : >nothing; chmod 4711 large; chown 70000:3 large
truncate -s 1M hole; printf data | dd of=hole bs=1 seek=500000 conv=notrunc status=none
setfattr -n user.a -v b many; setfattr -n user.a -v b large; setfattr -n trusted.t -v v large
printf x >"$(printf '\377')"; printf y >'!'
find . -exec touch -h -d '2001-02-03 04:05:06.789' {} +
`;
