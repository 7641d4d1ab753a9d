/** Laws of the layer interpreter, over generated layers of hostile names. */
import { assert, assertEquals } from "@std/assert";
import { timestamp, toHex } from "../../lib/bytes/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { type Entry, type EntryType, LayerBuilder } from "../../lib/layer/mod.ts";
import type { Tree } from "../../lib/tree/mod.ts";
import {
  build,
  entryOf,
  linesOf,
  TEST_DIFF_ID,
  testContent,
  xattr,
} from "../support/images/entries.ts";
import { forSeeds, type Prng } from "../support/prng.ts";
import { referenceLayer } from "../support/trees/reference_layer.ts";

const CASES = 1500;
const NAMES = ["a", "b", "c", "d", "a", "b"];
const TYPES: readonly EntryType[] = [
  ...Array<EntryType>(6).fill("file"),
  ...Array<EntryType>(5).fill("directory"),
  ...Array<EntryType>(4).fill("symlink"),
  ...Array<EntryType>(4).fill("hardlink"),
  "char",
  "block",
  "fifo",
];

function path(random: Prng, most = 4): string {
  const parts: string[] = [];
  for (let i = random.int(1, most + 1); i > 0; i--) {
    const name = random.chance(0.08) ? ".." : random.chance(0.05) ? "." : random.pick(NAMES);
    parts.push(random.chance(0.01) ? "" : name);
  }
  return (random.chance(0.1) ? "/" : random.chance(0.1) ? "./" : "") + parts.join("/") +
    (random.chance(0.1) ? "/" : "");
}

function entry(random: Prng): Entry {
  const where = path(random);
  const attributes = {
    mode: random.int(0, 0o20000),
    uid: random.int(0, 3),
    mtime: timestamp(random.int(-2, 5), random.int(0, 2)),
    xattrs: random.chance(0.2)
      ? [
        xattr(random.pick(["user.x", "user.y", "trusted.x", "user.overlay.z"]), random.pick(NAMES)),
      ]
      : [],
  };
  if (random.chance(0.25)) {
    const marker = random.pick([
      ".wh.a",
      ".wh.b",
      ".wh.c",
      ".wh.d",
      ".wh..wh..opq",
      ".wh..wh..opq",
    ]);
    const odd = random.chance(0.05)
      ? random.pick([".wh.", ".wh..", ".wh..wh.plnk", ".wh.a/b"])
      : marker;
    const type = random.chance(0.05) ? random.pick(TYPES) : "file";
    return entryOf((random.chance(0.2) ? "" : `${where}/`) + odd, type, {
      ...attributes,
      linkname: "a",
    });
  }
  const type = random.pick(TYPES);
  return entryOf(where, type, {
    ...attributes,
    ...(type === "file" && random.chance(0.7) ? { size: random.int(1, 9) } : {}),
    ...(type === "char" && random.chance(0.5) ? {} : { devmajor: 1, devminor: random.int(0, 3) }),
    linkname: random.chance(0.02) ? "" : (random.chance(0.2) ? "/" : "") + path(random, 3),
  });
}

/** Entries without those that the interpreter refuses; each refusal is compared with the reference. */
function accepted(random: Prng): { readonly entries: Entry[]; readonly tree: Tree } {
  const entries = Array.from({ length: random.int(1, 30) }, () => entry(random));
  for (;;) {
    const expected = referenceLayer(entries, (entry) => toHex(testContent(entry)));
    let at = 0;
    let code = "OK";
    const builder = new LayerBuilder();
    try {
      for (; at < entries.length; at++) {
        const next = entries[at] as Entry;
        if (builder.entry(next)) builder.content(testContent(next));
      }
      const { tree } = builder.finish(TEST_DIFF_ID);
      assert("nodes" in expected, `accepted, but the reference says ${JSON.stringify(expected)}`);
      const lines = linesOf(tree);
      if (text(lines) !== text(expected.nodes)) assertEquals(lines, expected.nodes);
      return { entries, tree };
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      code = error.code;
    }
    assertEquals({ code, at }, expected as unknown);
    entries.splice(at, 1);
  }
}

/** Deep comparison is slow, and a thousand times nothing differs. */
function text(lines: ReadonlyMap<string, string>): string {
  return [...lines].map(([path, line]) => `${path}\0${line}`).join("\n");
}

function isMarker({ path }: Entry): boolean {
  return path.includes(".wh.");
}

Deno.test("layer trees and refusals equal those of the reference interpreter", async () => {
  let nodes = 0;
  let hidden = 0;
  await forSeeds(CASES, (random) => {
    const { tree } = accepted(random);
    nodes += tree.count;
    for (const line of linesOf(tree).values()) if (line === "whiteout") hidden++;
  });
  // The generator must reach what it is for.
  assert(nodes > 5 * CASES && hidden > CASES / 4, `${nodes} nodes, ${hidden} whiteouts`);
});

Deno.test("the order of whiteouts inside a layer matters only relative to links", async () => {
  let free = 0;
  await forSeeds(2000, (random) => {
    const { entries, tree } = accepted(random);
    const hasLinks = entries.some(({ type }) => type === "symlink");
    if (!hasLinks) free++;
    const other = hasLinks ? shuffledRuns(random, entries) : shuffledMarkers(random, entries);
    assertEquals(build(other).tree.digest, tree.digest);
  }, 10_000);
  assert(free > 200, `only ${free} had no links`);
});

/** Entries in their order, with the whiteouts anywhere. */
function shuffledMarkers(random: Prng, entries: readonly Entry[]): Entry[] {
  const out = entries.filter((entry) => !isMarker(entry));
  for (const marker of random.shuffle(entries.filter(isMarker))) {
    out.splice(random.int(0, out.length + 1), 0, marker);
  }
  return out;
}

/** Entries in their order, whiteouts that follow each other in any. */
function shuffledRuns(random: Prng, entries: readonly Entry[]): Entry[] {
  const out: Entry[] = [];
  let run: Entry[] = [];
  for (const entry of entries) {
    if (isMarker(entry)) run.push(entry);
    else {
      out.push(...random.shuffle(run), entry);
      run = [];
    }
  }
  return [...out, ...random.shuffle(run)];
}

Deno.test("the spelling of a path does not matter", async () => {
  await forSeeds(1000, (random) => {
    const { entries, tree } = accepted(random);
    const spelled = entries.map((entry) => {
      const path = entry.path.split("/").map((part) =>
        random.chance(0.2) ? `./${part}/x/..` : random.chance(0.2) ? `/${part}` : part
      ).join("/");
      return { ...entry, path: `${random.chance(0.5) ? "/" : "./"}${path}` as Entry["path"] };
    });
    assertEquals(build(spelled).tree.digest, tree.digest);
  }, 20_000);
});

Deno.test("a refused layer gives no tree", async () => {
  let refused = 0;
  await forSeeds(1000, (random) => {
    const builder = new LayerBuilder();
    try {
      for (let i = 0; i < 20; i++) {
        const next = entry(random);
        if (builder.entry(next)) builder.content(testContent(next));
      }
    } catch (error) {
      assert(error instanceof VarveError);
      refused++;
      let message = "";
      try {
        builder.finish(TEST_DIFF_ID);
      } catch (after) {
        message = (after as Error).message;
      }
      assertEquals(message, "Cannot continue layer: an earlier entry was refused");
    }
  }, 30_000);
  assert(refused > 100, `only ${refused} were refused`);
});
