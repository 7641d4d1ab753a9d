/** The tar codec against GNU tar, bsdtar and Python's tarfile, both ways. */
import { assert, assertEquals } from "@std/assert";
import {
  asByteString,
  type ByteString,
  EPOCH,
  fromBytes,
  fromText,
  secondsOf,
  type Timestamp,
  timestamp,
  timestampFromBigInt,
} from "../../lib/bytes/mod.ts";
import { type TarEntry, TarWriter } from "../../lib/codec/tar/mod.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { concat, type ReadEntry, readTar } from "../support/tar/raw_blocks.ts";

/** UTC everywhere, and names as bytes. */
const ENV = { TZ: "UTC", LC_ALL: "C.UTF-8" };

const PLAIN: TarEntry = {
  path: fromText("f"),
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: timestamp(1_600_000_000),
  size: 0,
  linkname: fromText(""),
  devmajor: 0,
  devminor: 0,
  xattrs: [],
};

/** One of everything that the writer says in its own way. */
const ENTRIES: readonly (Partial<TarEntry> & { path: ByteString; content?: string })[] = [
  { path: fromText("dir/"), type: "directory", mode: 0o1777, mtime: timestamp(1_500_000_000) },
  { path: fromText("dir/empty") },
  { path: fromText("dir/small"), content: "hello\n", mode: 0o4755, uid: 1000, gid: 100 },
  { path: fromText("dir/block"), content: "b".repeat(512) },
  { path: fromText("dir/more"), content: "m".repeat(100_001) },
  { path: fromText("dir/again"), type: "hardlink", linkname: fromText("dir/small") },
  { path: fromText("link"), type: "symlink", mode: 0o777, linkname: fromText("dir/../x y") },
  {
    path: fromText("long link"),
    type: "symlink",
    mode: 0o777,
    linkname: fromText("t".repeat(300)),
  },
  { path: fromText("pipe"), type: "fifo", mode: 0o600 },
  { path: fromText("null"), type: "char", mode: 0o666, devmajor: 1, devminor: 3 },
  { path: fromText("disk"), type: "block", mode: 0o660, devmajor: 259, devminor: 100_000 },
  { path: fromText(`${"p".repeat(100)}/`), type: "directory" },
  { path: fromText(`${"p".repeat(100)}/${"n".repeat(100)}`), content: "split" },
  { path: fromText("n".repeat(200)), content: "long" },
  { path: fromText("caf\u00e9 \u65e5\u672c"), content: "utf-8" },
  { path: asByteString("latin\xe9\xff"), content: "bytes" },
  { path: asByteString(`\xff${"y".repeat(150)}`), content: "long bytes" },
  { path: fromText("new\nline\ttab\\"), content: "control" },
  { path: fromText("owner"), uid: 3_000_000, gid: 4_294_967_294 },
  { path: fromText("ns"), mtime: timestamp(1_700_000_000, 123_456_789) },
  { path: fromText("before"), mtime: timestampFromBigInt(-2n, 750_000_000) },
  { path: fromText("epoch"), mtime: EPOCH },
  { path: fromText("far"), mtime: timestamp(13_000_000_000) },
  {
    path: fromText("xattrs"),
    xattrs: [
      { name: fromText("user.binary"), value: asByteString("\0\n\xff=") },
      { name: fromText("user.plain"), value: fromText("value") },
    ],
  },
];

function archive(): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const writer = new TarWriter((bytes) => parts.push(bytes.slice()));
  for (const { content = "", ...changes } of ENTRIES) {
    writer.entry({ ...PLAIN, ...changes, size: content.length });
    writer.data(new TextEncoder().encode(content));
    writer.endEntry();
  }
  writer.finish();
  return concat(...parts);
}

/** What `find` says of a directory, one line an entry, sorted. */
async function factsOfDirectory(path: string): Promise<string[]> {
  const format = "%P\\t%y\\t%m\\t%U:%G\\t%T@\\t%s\\t%l\\0";
  const { bytes } = await run(["find", ".", "-mindepth", "1", "-printf", format], {
    cwd: path,
    env: ENV,
  });
  return fromBytes(bytes).split("\0").slice(0, -1).map((line) => {
    const [name, type, mode, owner, time, size, target] = line.split(
      /\t(?=[a-z]\t|[0-9-])|\t(?=[^\t]*$)/,
    );
    const isFile = type === "f";
    return [name, type, mode, owner, (time ?? "").slice(0, -1), isFile ? size : "", target].join(
      "|",
    );
  }).sort();
}

/** The same lines from entries; hard links are what they link to. */
function facts(told: readonly ReadEntry[], ns = true): string[] {
  const byPath = new Map(told.map((t) => [t.entry.path as string, t.entry]));
  return told.map(({ entry: own }) => {
    const name = own.path.replace(/^\.\//, "").replace(/\/$/, "");
    const entry = own.type === "hardlink" ? byPath.get(own.linkname) ?? own : own;
    const type = { ...TYPES }[entry.type];
    const size = entry.type === "file" ? `${entry.size}` : "";
    const mode = (entry.mode & 0o7777).toString(8);
    const owner = `${entry.uid}:${entry.gid}`;
    const target = entry.type === "symlink" ? entry.linkname : "";
    return [name, type, mode, owner, seconds(entry.mtime, ns), size, target].join("|");
  }).filter((line) => !line.startsWith("|") && !line.startsWith(".|")).sort();
}

const TYPES = {
  file: "f",
  directory: "d",
  symlink: "l",
  char: "c",
  block: "b",
  fifo: "p",
  hardlink: "?",
} as const;

/** As `find` prints a time: whole seconds, rounded down, and the nanoseconds since. */
function seconds(time: Timestamp, ns: boolean): string {
  const whole = `${secondsOf(time)}`;
  return ns ? `${whole}.${`${time.ns}`.padStart(9, "0")}` : whole;
}

const EXTRACTORS = {
  "GNU tar": ["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf"],
  bsdtar: ["bsdtar", "--numeric-owner", "-xpf"],
} as const;

for (const [name, command] of Object.entries(EXTRACTORS)) {
  Deno.test({
    name: `${name} extracts what the writer writes, to the nanosecond and the byte`,
    ...needs({ root: true, tools: [command[0], "find", "python3"] }),
    fn: async () => {
      await using dir = await tempDir();
      await Deno.writeFile(dir.join("a.tar"), archive());
      await Deno.mkdir(dir.join("out"));
      await run([...command, dir.join("a.tar"), "-C", dir.join("out")], { env: ENV });
      // libarchive adds the fraction of a time before the epoch where it has to take it away.
      const agreed = (line: string) => !(name === "bsdtar" && line.startsWith("before|"));
      const found = await factsOfDirectory(dir.join("out"));
      assertEquals(found.filter(agreed), facts(readTar(archive())).filter(agreed));
      assertEquals(await Deno.readTextFile(dir.join("out/dir/again")), "hello\n");
      assertEquals((await Deno.stat(dir.join("out/dir/small"))).nlink, 2);
      const script = "import os,sys\n" +
        "for n in sorted(os.listxattr(sys.argv[1])): print(n, os.getxattr(sys.argv[1], n).hex())";
      const { stdout } = await run(["python3", "-c", script, dir.join("out/xattrs")]);
      assertEquals(stdout, "user.binary 000aff3d\nuser.plain 76616c7565\n");
    },
  });
}

const LISTING = `
import json, sys, tarfile, os
out = []
with tarfile.open(sys.argv[1], errors="surrogateescape", encoding="utf-8") as tar:
    for m in tar:
        content = tar.extractfile(m).read() if m.isreg() else b""
        out.append([os.fsencode(m.name).decode("latin1"), m.type.decode("latin1"), m.size, m.mode,
                    m.uid, m.gid, os.fsencode(m.linkname).decode("latin1"), content.decode("latin1")])
print(json.dumps(out))
`;

/** What Python lists. It drops the slash of directories. */
async function pythonListing(path: string): Promise<unknown[][]> {
  const { stdout } = await run(["python3", "-c", LISTING, path], { env: ENV });
  return JSON.parse(stdout);
}

const FLAGS = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6",
} as const;

function listing(told: readonly ReadEntry[]): unknown[][] {
  return told.map(({ entry, content }) => [
    entry.path.replace(/\/$/, ""),
    FLAGS[entry.type],
    entry.size,
    entry.mode & 0o7777,
    entry.uid,
    entry.gid,
    entry.linkname,
    content,
  ]);
}

Deno.test({
  name: "Python's tarfile lists what the writer writes",
  ...needs({ tools: ["python3"] }),
  fn: async () => {
    await using dir = await tempDir();
    await Deno.writeFile(dir.join("a.tar"), archive());
    assertEquals(await pythonListing(dir.join("a.tar")), listing(readTar(archive())));
  },
});

/** What other programs write: a directory with all that the format can say. */
interface Maker {
  readonly command: readonly string[];
  /** Whether times keep their nanoseconds. */
  readonly ns: boolean;
  /** Whether the format has long names and large numbers. */
  readonly rich: boolean;
}

const MAKERS: Record<string, Maker> = {
  "GNU tar, v7": { command: ["tar", "--format=v7", "-cf"], ns: false, rich: false },
  "GNU tar, ustar": { command: ["tar", "--format=ustar", "-cf"], ns: false, rich: false },
  "GNU tar, oldgnu": { command: ["tar", "--format=oldgnu", "-cf"], ns: false, rich: true },
  "GNU tar, gnu": { command: ["tar", "--format=gnu", "-cf"], ns: false, rich: true },
  "GNU tar, posix": { command: ["tar", "--format=posix", "-cf"], ns: true, rich: true },
  "bsdtar, ustar": { command: ["bsdtar", "--format=ustar", "-cf"], ns: false, rich: false },
  "bsdtar, gnutar": { command: ["bsdtar", "--format=gnutar", "-cf"], ns: false, rich: true },
  "bsdtar, pax": { command: ["bsdtar", "--format=pax", "-cf"], ns: true, rich: true },
};

/** Makes the sample with the tools of the machine, so that bytes of names stay. */
const SAMPLE = `
set -e
mkdir -p d/e; printf hello > d/small; head -c 100001 /dev/zero | tr '\\0' m > d/more; : > d/empty
ln d/small d/again; ln -s ../x d/link; chmod 4711 d/more; chmod 1777 d/e; chown 1000:100 d/small
touch -d '2020-01-02 03:04:05' d d/* d/e; touch -h -d '2019-01-02 03:04:05' d/link
if [ "$1" = rich ]; then
  n=$(printf 'n%.0s' $(seq 200)); printf long > "$n"; ln -s "$n" longlink; ln "$n" "h$n"
  mkdir "$(printf 'caf\\303\\251')"; : > "$(printf 'caf\\303\\251')/x"
  mkfifo pipe; mknod null c 1 3; mknod disk b 259 100000; : > owner; chown 3000000:4294967294 owner
  touch -d '1969-12-31 23:59:58' old; touch -d '2020-01-02 03:04:05.123456789' ns
fi
`;

for (const [name, { command, ns, rich }] of Object.entries(MAKERS)) {
  Deno.test({
    name: `the reader reads what ${name} writes`,
    ...needs({ root: true, tools: [command[0] as string, "find", "bash"] }),
    fn: async () => {
      await using dir = await tempDir();
      await Deno.mkdir(dir.join("in"));
      const args = rich ? ["rich"] : [];
      await run(["bash", "-c", SAMPLE, "sample", ...args], { cwd: dir.join("in"), env: ENV });
      await run([...command, dir.join("a.tar"), "-C", dir.join("in"), "."], { env: ENV });
      const cut = (line: string) => ns ? line : line.replace(/(\d)\.\d{9}\|/, "$1|");
      // libarchive writes no time before the epoch but in PAX.
      const agreed = (line: string) => !(name === "bsdtar, gnutar" && line.startsWith("old|"));
      const expected = (await factsOfDirectory(dir.join("in"))).map(cut);
      const told = readTar(await Deno.readFile(dir.join("a.tar")));
      assertEquals(facts(told, ns).filter(agreed), expected.filter(agreed));
      const contents = told.filter((t) => t.entry.path.endsWith("d/more")).map((t) => t.content);
      assertEquals(contents, ["m".repeat(100_001)]);
    },
  });
}

for (const format of ["gnu", "0.0", "0.1", "1.0"]) {
  Deno.test({
    name: `the reader reads a sparse file of GNU tar, ${format}`,
    ...needs({ tools: ["tar", "bash"] }),
    fn: async () => {
      await using dir = await tempDir();
      const make = "for i in $(seq 0 3 90); do printf data-$i | dd of=s bs=1 seek=$((i*40960)) " +
        "conv=notrunc status=none; done; truncate -s 4000000 s";
      await run(["bash", "-c", make], { cwd: dir.path });
      const how = format === "gnu"
        ? ["--format=gnu"]
        : ["--format=posix", `--sparse-version=${format}`];
      await run(["tar", "-S", ...how, "-cf", dir.join("a.tar"), "s"], { cwd: dir.path });
      const [told] = readTar(await Deno.readFile(dir.join("a.tar")));
      assert(told !== undefined && told.entry.extents.length > 20 && told.holes.length > 20);
      const content = Uint8Array.from(told.content, (char) => char.charCodeAt(0));
      assertEquals(content, await Deno.readFile(dir.join("s")));
    },
  });
}

for (const format of ["USTAR_FORMAT", "GNU_FORMAT", "PAX_FORMAT"]) {
  Deno.test({
    name: `the reader reads what Python's tarfile writes, ${format}`,
    ...needs({ tools: ["python3"] }),
    fn: async () => {
      await using dir = await tempDir();
      const long = format === "USTAR_FORMAT" ? "" : "'n' * 200, 'caf\\u00e9' * 40,";
      const script = `
import io, sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.${format}, encoding="utf-8") as tar:
    for i, name in enumerate(["a", "d/b", "d/" * 60 + "c", ${long}]):
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode, info.uid = i * 300, 1600000000 + i, 0o640 + i, i * 400000
        tar.addfile(info, io.BytesIO(b"x" * info.size))
    link = tarfile.TarInfo("l")
    link.type, link.linkname = tarfile.SYMTYPE, "t" * 99
    tar.addfile(link)
`;
      await run(["python3", "-c", script, dir.join("a.tar")]);
      const told = readTar(await Deno.readFile(dir.join("a.tar")));
      assertEquals(told.length, long === "" ? 4 : 6);
      assertEquals(await pythonListing(dir.join("a.tar")), listing(told));
    },
  });
}
