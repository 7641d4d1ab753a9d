import { fromText, joinBytes } from "../bytes/mod.ts";
import { writeErofs } from "../codec/erofs/mod.ts";
import { createHasher, type DiffId, sha256 } from "../digest/mod.ts";
import { foldLayers } from "../layer/mod.ts";
import { isSupported } from "../linux/mod.ts";
import type { ProgramPool } from "../pool/internal.ts";
import type { Job } from "../pool/mod.ts";
import {
  type Attributes,
  decodeTree,
  IMPLIED,
  type NodeId,
  type Tree,
  TreeBuilder,
  writeTreeFile,
} from "../tree/mod.ts";

/** Number of rounds of a warm-up. More rounds make nothing faster. */
const ROUNDS = 12;
/** Index of the round with large layers. There is only one such round, because more would cost memory. */
const LARGE_ROUND = 3;
/** Number of directories in a small and in a large layer. */
const SMALL = 32, LARGE = 256;
/** Number of files in most directories, and in a single directory of each layer. */
const FEW = 24, MANY = 700;
const GIB = 2 ** 30;

/**
 * Composes made-up chains of two layers and discards the images. It stops when it is aborted.
 *
 * V8 compiles code that has run many times in a thread, and the code is then three times as fast. Most commands compose
 * only a single chain, so without a warm-up they would run slow code.
 */
export const warmUpJob: Job<null, null> = {
  name: "compose-warm-up",
  entry: "extract",
  async run(_, { signal }) {
    // This opens libc, which takes as long as writing an image.
    isSupported();
    for (const _ of steps()) {
      // An abort message is received between two steps.
      await new Promise((resolve) => setTimeout(resolve));
      if (signal.aborted) break;
    }
    return null;
  },
};

/** Composes round after round, and yields after each step. */
function* steps(): Generator<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const isLarge = round === LARGE_ROUND;
    const lower = stored(makeLayer({ round, isUpper: false, isLarge }));
    yield;
    const upper = stored(makeLayer({ round, isUpper: true, isLarge }));
    yield;
    const tree = foldLayers([lower, upper]);
    yield;
    const hasher = createHasher();
    writeErofs(tree).write((bytes) => hasher.update(bytes));
    yield;
  }
}

/**
 * Starts the worker that will compose a chain, and warms it up. Call it while a core is idle: the warm-up takes about
 * 0.5 s of a core. A job that arrives meanwhile waits for the end of a step: about 50 ms at first, later 10 ms.
 */
export function warmUpCompose(pool: ProgramPool): void {
  pool.warmUp(warmUpJob, null);
}

/** Encodes and decodes a tree, so that it has the form of a tree that is read from the store. */
function stored(tree: Tree): Tree {
  const pieces: Uint8Array[] = [];
  const sum = writeTreeFile(tree, (bytes) => pieces.push(bytes));
  return decodeTree(joinBytes(pieces), sum);
}

/** Options of {@linkcode makeLayer}. */
interface LayerShape {
  /** Number of the round. Each round has different contents. */
  readonly round: number;
  /** Whether the layer is the upper layer of its chain. */
  readonly isUpper: boolean;
  /** Whether the layer has many entries. */
  readonly isLarge: boolean;
}

/** Makes a layer with every kind of entry that layers have. */
function makeLayer({ round, isUpper, isLarge }: LayerShape): Tree {
  const builder = new TreeBuilder({ kind: "layer" });
  const directories = isLarge ? LARGE : SMALL;
  // Half of the directories are in both layers.
  const from = isUpper ? directories / 2 : 0;
  for (let i = from; i < from + directories; i++) {
    const name = fromText(`${"+-.ab"[i % 5]}directory-${i}`);
    const directory = builder.put(builder.root, name, {
      type: "directory",
      ...attributes(i),
      opaque: isUpper && i % 32 === 1,
      implied: false,
    });
    if (i % 16 === 3) continue;
    const below = i % 4 === 0 ? builder.put(directory, fromText("below"), IMPLIED) : directory;
    const files = i % directories === 5 ? MANY : FEW;
    for (let j = 0; j < files; j++) putFile(builder, below, round, isUpper ? j + 3 : j);
    const first = builder.child(below, fromText("file-5"));
    builder.link(directory, fromText("linked"), first);
  }
  return builder.finish(sha256(new Uint8Array([round, Number(isUpper)])) as DiffId);
}

/** Adds a file. Twelve of forty are of rarer kinds: links, a whiteout, a device, and empty, huge and sparse files. */
function putFile(builder: TreeBuilder, directory: NodeId, round: number, number: number): void {
  const name = fromText(`file-${number}`);
  const common = { ...attributes(number), group: null };
  const kind = number % 40;
  if (kind < 7) {
    const target = fromText(kind === 6 ? "long/".repeat(150) : `file-${number + 1}`);
    builder.put(directory, name, { type: "symlink", ...common, target });
  } else if (kind === 7) {
    builder.put(directory, name, { type: "whiteout" });
  } else if (kind === 8) {
    builder.put(directory, name, { type: "char", ...common, major: 1, minor: number % 256 });
  } else {
    const size = kind === 9 ? 0 : kind === 10 ? 5 * GIB : 1000 * number + 1;
    const id = builder.put(directory, name, {
      type: "file",
      ...common,
      size,
      digest: null,
      locator: null,
    });
    const position = 512 * number + (number % 3) * 2 * GIB;
    const extents = kind === 11
      ? [{ logical: 0, length: 4096, position }, {
        logical: 8192,
        length: size - 8192,
        position: position + 4096,
      }]
      : [{ logical: 0, length: size, position }];
    if (size > 0) builder.content(id, new Uint8Array(32).fill(round + 1), extents);
  }
}

function attributes(number: number): Attributes {
  return {
    mode: number % 9 === 0 ? 0o4711 : 0o644,
    uid: number % 50 === 0 ? 70_000 : 0,
    gid: number % 3,
    mtime: { lo: 1_700_000_000 + number % 7, hi: 0, ns: number % 11 === 0 ? 5 : 0 },
    xattrs: number % 16 === 0
      ? [
        { name: fromText("security.capability"), value: fromText("made up") },
        { name: fromText("user.made"), value: fromText(`${number % 100}`) },
      ]
      : [],
  };
}
