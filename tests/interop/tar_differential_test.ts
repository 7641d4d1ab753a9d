/**
 * Archives on which tar readers disagree: what each peer makes of them beside
 * ours. Every disagreement stands below with its reason; one that is new, and
 * one that is gone, fails the test.
 *
 * umoci is the judge among the peers: it reads with Go's archive/tar, as all
 * container engines do, and there is to be no disagreement with it but by policy.
 */
import { assertEquals } from "@std/assert";
import { fromBytes } from "../../lib/bytes/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { needs } from "../support/machine/needs.ts";
import { runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import {
  base256,
  body,
  concat,
  END,
  file,
  gnuLong,
  header,
  pax,
  readTar,
  record,
} from "../support/tar/raw_blocks.ts";

const ENV = { TZ: "UTC", LC_ALL: "C.UTF-8" };
const tail = file("tail", "t");
const zero = new Uint8Array(512);
const sparse = (map: string, count = "1", size = "20") =>
  pax([["GNU.sparse.size", size], ["GNU.sparse.numblocks", count], ["GNU.sparse.map", map]]);

/** Cases, each with an entry behind it that shows whether the reader is still in step. */
const CASES: Record<string, Uint8Array> = {
  "plain": concat(file("a", "x"), tail, END),
  "D01 size in PAX only": concat(
    pax([["size", "1024"]]),
    header({ name: "a", size: 0 }),
    file("hidden"),
    zero,
    tail,
    END,
  ),
  "D01 size in PAX below the header's": concat(
    pax([["size", "1"]]),
    header({ name: "a", size: 1024 }),
    body("x"),
    file("hidden", "", { mode: 0o600 }),
    tail,
    END,
  ),
  "D02 PAX size before a long name": concat(
    pax([["size", "512"]]),
    gnuLong("L", "long"),
    header({ name: "a", dialect: "gnu" }),
    body("x".repeat(512)),
    tail,
    END,
  ),
  "D07 signed checksum": concat(header({ name: "a\xff", checksum: "signed" }), tail, END),
  "D09 size with a space inside": concat(file("a", "x", { size: "1 0" }), tail, END),
  "D09 size without digits": concat(header({ name: "a", size: "        " }), tail, END),
  "D10 prefix in a GNU header": concat(
    header({ name: "a", prefix: "p", dialect: "gnu" }),
    tail,
    END,
  ),
  "D13 long name with a NUL": concat(
    gnuLong("L", "cut\0rest"),
    file("a", "", { dialect: "gnu" }),
    END,
  ),
  "D13 empty long name": concat(gnuLong("L", "", false), file("a", "", { dialect: "gnu" }), END),
  "D13 two long names": concat(
    gnuLong("L", "one"),
    gnuLong("L", "two"),
    file("a", "", { dialect: "gnu" }),
    END,
  ),
  "D14 record of length 0": concat(pax("0 path=b\n"), file("a"), tail, END),
  "D14 record that is cut": concat(pax("99 path=b\n"), file("a"), tail, END),
  "D14 record without =": concat(pax("7 path\n"), file("a"), tail, END),
  "D14 record with a plus": concat(pax("+11 path=b\n"), file("a"), tail, END),
  "D14 record with leading zeros": concat(pax("011 path=b\n"), file("a"), tail, END),
  "D17 empty path": concat(pax([["path", ""]]), file("a"), tail, END),
  "D17 path twice": concat(pax([["path", "b"], ["path", "c"]]), file("a"), tail, END),
  "D18 id that is no number": concat(pax([["uid", "abc"]]), file("a"), tail, END),
  "D18 time that is no number": concat(pax([["mtime", "nan"]]), file("a"), tail, END),
  "D19 global path": concat(pax([["path", "global"]], "g"), file("a"), tail, END),
  "D19 global header after a PAX header": concat(
    pax([["path", "lost"]]),
    pax([["comment", "c"]], "g"),
    file("a"),
    END,
  ),
  "D21 contiguous file": concat(file("a", "x", { type: "7" }), tail, END),
  "D22 old file with a slash": concat(header({ name: "a/", type: "\0" }), tail, END),
  "D22 file with a slash and content": concat(file("a/", "x"), tail, END),
  "D31 NUL in a PAX path": concat(pax([["path", "b\0c"]]), file("a"), tail, END),
  "D33 a second archive": concat(file("a"), END, tail, END),
  "one zero block, then an entry": concat(file("a"), zero, tail, END),
  "no end mark": concat(file("a"), tail),
  "D34 cut in the padding": concat(file("a"), tail.subarray(0, 600)),
  "D37 directory with a size": concat(
    header({ name: "a/", type: "5", size: 512 }),
    file("inside"),
    tail,
    END,
  ),
  "D37 link with a size": concat(
    header({ name: "a", type: "2", linkname: "t", size: 512 }),
    file("inside"),
    tail,
    END,
  ),
  "D38 negative size": concat(header({ name: "a", size: base256(-1n, 12) }), tail, END),
  "second PAX header": concat(pax([["path", "b"]]), pax([["uid", "5"]]), file("a"), tail, END),
  "long name and PAX path": concat(
    gnuLong("L", "gnu"),
    pax([["path", "pax"]]),
    file("a", "", { dialect: "gnu" }),
    END,
  ),
  "unknown type": concat(file("a", "x", { type: "Z" }), tail, END),
  "D23 sparse": concat(sparse("5,1"), file("a", "x"), tail, END),
  "D23 sparse runs that overlap": concat(sparse("5,2,6,2", "2"), file("a", "xxxx"), tail, END),
  "D23 sparse with less data than the map says": concat(sparse("5,3"), file("a", "x"), tail, END),
  "D23 sparse with more data than the map says": concat(sparse("5,1"), file("a", "xyz"), tail, END),
  "C17 NUL in a key": concat(pax(record("SCHILY.xattr.user.\0", "v")), file("a"), tail, END),
};

const PYTHON = `
import json, os, sys, tarfile
out = []
for path in sys.argv[1:]:
    try:
        names = []
        with tarfile.open(path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
            for m in tar:
                if m.isreg(): tar.extractfile(m).read()
                names.append(os.fsencode(m.name).decode("latin1"))
        out.append(names)
    except Exception:
        out.append(None)
print(json.dumps(out))
`;

/** Gives names, sorted, parents with them; or "error". */
type Peer = (archives: readonly string[]) => Promise<string[]>;

/** What is listed, in the form of what was extracted. */
function asExtracted(names: readonly string[]): string {
  const all = new Set<string>();
  for (const name of names) {
    const parts = name.replace(/\/$/, "").split("/");
    parts.forEach((_, i) => all.add(parts.slice(0, i + 1).join("/")));
  }
  return [...all].sort().join(" ");
}

function extractor(command: (tar: string, out: string) => readonly (readonly string[])[]): Peer {
  return async (archives) => {
    const verdicts: string[] = [];
    for (const tar of archives) {
      const out = `${tar}.out`;
      let failed = false;
      for (const step of command(tar, out)) {
        failed ||= (await runAny(step, { env: ENV })).code !== 0;
      }
      const { bytes } = await runAny(["find", out, "-mindepth", "1", "-printf", "%P\\0"]);
      verdicts.push(failed ? "error" : asExtracted(fromBytes(bytes).split("\0").slice(0, -1)));
    }
    return verdicts;
  };
}

const PEERS: Record<string, Peer> = {
  umoci: extractor((tar, out) => {
    const image = `${tar}.layout:a`;
    return [
      ["umoci", "init", "--layout", `${tar}.layout`],
      ["umoci", "new", "--image", image],
      ["umoci", "raw", "add-layer", "--image", image, tar],
      ["umoci", "raw", "unpack", "--image", image, out],
    ];
  }),
  tar: extractor((tar, out) => [["mkdir", out], ["tar", "-xf", tar, "-C", out]]),
  bsdtar: extractor((tar, out) => [["mkdir", out], ["bsdtar", "-xf", tar, "-C", out]]),
  python3: async (archives) => {
    const { stdout } = await runAny(["python3", "-c", PYTHON, ...archives]);
    const lists = JSON.parse(stdout) as (string[] | null)[];
    return lists.map((names) => names === null ? "error" : asExtracted(names));
  },
};

function ours(tar: Uint8Array): string {
  try {
    return asExtracted(readTar(tar).map(({ entry }) => entry.path));
  } catch (error) {
    if (error instanceof VarveError) return "error";
    throw error;
  }
}

/** What Python takes for a name beyond the record that was cut. */
const NULS = 88;

/** What a peer says, and why we do not; "fixed": its newer releases agree with us. */
type Disagreement = readonly [says: string, why: string, state?: "fixed"];

/** For each peer, by case. */
const DISAGREEMENTS: Record<string, Record<string, Disagreement>> = {
  umoci: {
    "D14 record with a plus": [
      "b tail",
      "policy: a length that readers read differently is refused",
    ],
    "D14 record with leading zeros": ["b tail", "policy: as above"],
    "D19 global header after a PAX header": [
      "error",
      "umoci refuses global headers; containerd and moby pass over them",
    ],
    "D19 global path": ["error", "as above"],
    "D21 contiguous file": ["error", "umoci refuses type 7; policy: a regular file"],
    "D22 file with a slash and content": [
      "a tail",
      "policy: refused, readers disagree on what it is",
    ],
  },
  tar: {
    "D09 size with a space inside": ["a tail", "reads the digits up to the space"],
    "D10 prefix in a GNU header": ["a tail", "does not know what Go before 1.8 wrote"],
    "D13 empty long name": ["error", "takes the empty name; Go keeps the header's"],
    "D14 record with leading zeros": [
      "b tail",
      "policy: a length that readers read differently is refused",
    ],
    "D19 global header after a PAX header": [
      "lost",
      "global headers do not end a PAX header there",
    ],
    "D19 global path": ["global", "applies global headers"],
    "D23 sparse with less data than the map says": ["a tail", "fills with zeros"],
    "D23 sparse with more data than the map says": ["a tail", "passes over the rest"],
    "D31 NUL in a PAX path": ["b tail", "cuts at the NUL"],
    "D34 cut in the padding": ["error", "policy: content is whole, only padding is missing"],
    "long name and PAX path": ["pax", "PAX beats GNU there"],
    "one zero block, then an entry": ["a", "ends at one zero block, with a warning"],
    "unknown type": ["a tail", "extracts it as a file, with a warning"],
  },
  bsdtar: {
    "D10 prefix in a GNU header": ["a tail", "does not know what Go before 1.8 wrote"],
    "D13 empty long name": ["error", "takes the empty name; Go keeps the header's"],
    "D14 record with leading zeros": [
      "b tail",
      "policy: a length that readers read differently is refused",
    ],
    "D18 id that is no number": ["a tail", "reads it as 0"],
    "D18 time that is no number": ["a tail", "reads it as 0"],
    "D19 global header after a PAX header": [
      "lost",
      "global headers do not end a PAX header there",
    ],
    "D22 file with a slash and content": ["a tail", "takes the slash off"],
    "D23 sparse runs that overlap": ["a tail", "writes them one over the other"],
    "D23 sparse with less data than the map says": ["a tail", "fills with zeros"],
    "D23 sparse with more data than the map says": ["a", "loses its place"],
    "D31 NUL in a PAX path": ["b tail", "cuts at the NUL"],
    "D34 cut in the padding": ["error", "policy: as above"],
    "one zero block, then an entry": ["a", "ends at one zero block"],
    "second PAX header": ["error", "refuses two in a row; Go takes the last"],
    "unknown type": ["a tail", "extracts it as a file"],
  },
  python3: {
    "C17 NUL in a key": ["a tail", "does not look"],
    "D13 empty long name": ["", "ends at it"],
    "D13 two long names": ["one", "the first counts"],
    "D14 record that is cut": [`b\n${"\0".repeat(NULS)} tail`, "reads beyond the record", "fixed"],
    "D14 record with a plus": ["a tail", "ignores what is no record", "fixed"],
    "D14 record with leading zeros": [
      "b tail",
      "policy: a length that readers read differently is refused",
    ],
    "D14 record without =": ["a tail", "ignores what is no record", "fixed"],
    "D17 empty path": [" tail", "takes the empty name"],
    "D18 id that is no number": ["a tail", "reads it as 0"],
    "D18 time that is no number": ["a tail", "reads it as nan"],
    "D19 global header after a PAX header": [
      "lost",
      "global headers do not end a PAX header there",
    ],
    "D19 global path": ["global", "applies global headers"],
    "D22 file with a slash and content": ["a tail", "takes the slash off"],
    "D23 sparse runs that overlap": ["a tail", "does not look"],
    "D23 sparse with less data than the map says": ["a tail", "does not look"],
    "D23 sparse with more data than the map says": ["a tail", "passes over the rest"],
    "D31 NUL in a PAX path": ["b\0c tail", "keeps the NUL"],
    "D34 cut in the padding": ["error", "policy: as above"],
    "D38 negative size": ["a tail", "takes it as 0", "fixed"],
    "one zero block, then an entry": ["a", "ends at one zero block"],
    "second PAX header": ["b tail", "both count"],
    "unknown type": ["a tail", "lists it as a file"],
  },
};

for (const [peer, judge] of Object.entries(PEERS)) {
  Deno.test({
    name: `${peer} agrees with the reader, or the reason is known`,
    ...needs({ root: true, tools: [peer, "find"] }),
    fn: async () => {
      await using dir = await tempDir();
      const names = Object.keys(CASES);
      const archives = names.map((_, i) => dir.join(`${i}.tar`));
      for (const [i, tar] of Object.values(CASES).entries()) {
        await Deno.writeFile(archives[i] as string, tar);
      }
      const verdicts = await judge(archives);
      const found: Record<string, string> = {};
      for (const [i, name] of names.entries()) {
        const theirs = verdicts[i] as string;
        if (theirs !== ours(CASES[name] as Uint8Array)) found[name] = theirs;
      }
      const known = Object.entries(DISAGREEMENTS[peer] ?? {})
        .filter(([name, [, , state]]) => state !== "fixed" || name in found)
        .map(([name, [says]]) => [name, says]);
      assertEquals(found, Object.fromEntries(known));
    },
  });
}
