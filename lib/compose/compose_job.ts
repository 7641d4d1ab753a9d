import { type ByteString, fromText } from "../bytes/mod.ts";
import { EROFS_WRITER_VERSION, type ReadLayer, writeErofs } from "../codec/erofs/mod.ts";
import { createHasher, type DiffId, type Digest } from "../digest/mod.ts";
import { layersAbove, readTree } from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import { foldSteps } from "../layer/internal.ts";
import {
  CWD,
  type Fd,
  fileErrno,
  Open,
  openAt,
  type OwnedFd,
  ownFd,
  readFully,
  reserveFd,
  writeFd,
} from "../linux/mod.ts";
import type { BriefJob } from "../pool/internal.ts";
import type { TreeFile } from "../store/mod.ts";
import { finishSteps } from "../tree/internal.ts";
import { decodeTree, newBytes, type Tree, writeTreeFile } from "../tree/mod.ts";
import { type ComposedImage, IMAGE, ROOT_TREE } from "./contract.ts";
import { findImageInfo, isImageWholeSync, writeImageInfo } from "./image_info.ts";

/**
 * Minimum size of a root tree that is kept, in bytes of memory, without the bytes that it shares with the trees from
 * which it was folded. It corresponds to about 40,000 entries.
 */
export const KEPT_FROM: number = 4 * 2 ** 20;

/**
 * Largest total size of the layer trees of a brief job in bytes. It corresponds to 100,000 entries of a distribution,
 * which are folded and written in about 0.2 s on a cold start.
 */
const BRIEF_BYTES = 12 * 2 ** 20;

/** Input of {@linkcode composeJob}. */
export interface ComposeJobInput {
  /** Files of the layer trees, lowest layer first. */
  readonly trees: readonly TreeFile[];
  /** The kept root tree of the lowest layers; `null` when no tree was kept. */
  readonly below: KeptTree | null;
  /**
   * Absolute paths of the directories of an overlay on which the layers lie, topmost first; absent when they lie on
   * nothing. With them, the image is that of one layer.
   */
  readonly lowers?: readonly ByteString[] | undefined;
  /** The layers and the absolute paths of their tars. */
  readonly contents: readonly (readonly [DiffId, string])[];
  /** Layers with bytes other than zero in the padding behind some file. */
  readonly dirty: readonly DiffId[];
  /** Generation of the chain, for the description. */
  readonly generation: number;
  /** Absolute path of an empty directory for the image. */
  readonly target: string;
  /** Directories of other composed chains. If one has the same image, the two share the file. */
  readonly siblings: readonly string[];
  /** Replaces {@linkcode KEPT_FROM}, in tests for example. */
  readonly keptFrom?: number | undefined;
}

/** A root tree that was kept beside an image. */
export interface KeptTree {
  /** Absolute path of its file. */
  readonly path: string;
  /** SHA-256 of the file when it was written. */
  readonly sum: Digest;
  /** Number of layers that are folded into it. */
  readonly layers: number;
}

/** Folds the layers of a chain and writes the image of the root tree. */
export const composeJob: BriefJob<ComposeJobInput, ComposedImage> = {
  name: "compose",
  entry: "extract",
  // If a layer has dirty padding, the job reads the bytes after every file of that layer, so it is not brief.
  isBrief: ({ trees, dirty }) => dirty.length === 0 && sizeOf(trees) <= BRIEF_BYTES,
  async run(input, { signal, throwIfAborted }) {
    await Promise.resolve();
    signal.throwIfAborted();
    const tree = treeOf(input, throwIfAborted);
    using contents = new Contents(input.contents);
    const image = writeErofs(tree, {
      read: contents.read,
      dirty: new Set(input.dirty),
      checkpoint: throwIfAborted,
    });
    using file = create(`${input.target}/${IMAGE}`);
    reserveFd(file.fd, 0, image.size);
    const hasher = createHasher();
    image.write((bytes) => {
      throwIfAborted();
      hasher.update(bytes);
      writeFd(file.fd, bytes);
    });
    const { size, devices } = image;
    const isKept = input.lowers === undefined && newBytes(tree) >= (input.keptFrom ?? KEPT_FROM);
    const kept = isKept ? keep(`${input.target}/${ROOT_TREE}`, tree, throwIfAborted) : null;
    const info = {
      version: EROFS_WRITER_VERSION,
      generation: input.generation,
      digest: hasher.digest(),
      size,
      devices,
      tree: tree.digest,
      kept,
    };
    share(input, info, throwIfAborted);
    writeImageInfo(input.target, info);
    return info;
  },
};

/** Size of all files in bytes. Infinite if a file is missing: the job fails later, when it reads the file. */
function sizeOf(files: readonly TreeFile[]): number {
  try {
    return files.reduce((sum, { path }) => sum + Deno.statSync(path).size, 0);
  } catch {
    return Infinity;
  }
}

/** The root tree of the layers, or, if they lie on something, the tree that stands for all of them. */
function treeOf(input: ComposeJobInput, checkpoint: () => void): Tree {
  if (input.lowers === undefined) return rootTree(input, checkpoint);
  return layersAbove(input.trees.map(readTree), input.lowers, checkpoint);
}

/** Folds the layers. Begins with the kept tree if there is one and it is not damaged. */
function rootTree({ trees, below }: ComposeJobInput, checkpoint: () => void): Tree {
  const base = below === null ? undefined : readKept(below);
  const layers = trees.slice(base === undefined ? 0 : below?.layers).map(readTree);
  return finishSteps(foldSteps(layers, base), checkpoint);
}

/** Reads a kept tree; `undefined` if it is damaged or gone, because the layers can be folded instead. */
function readKept({ path, sum }: KeptTree): Tree | undefined {
  try {
    return decodeTree(Deno.readFileSync(path), sum);
  } catch (error) {
    if (error instanceof VarveError || fileErrno(error) !== undefined) return undefined;
    throw error;
  }
}

function keep(path: string, tree: Tree, checkpoint: () => void): Digest {
  using file = create(path);
  return writeTreeFile(tree, (bytes) => {
    checkpoint();
    writeFd(file.fd, bytes);
  });
}

/** Creates a file that is written once: its mode is read-only from the beginning. */
function create(path: string): OwnedFd {
  const flags = Open.WRITE | Open.CREATE | Open.EXCLUSIVE | Open.NO_FOLLOW;
  return ownFd(openAt(CWD, fromText(path), flags, 0o444));
}

/**
 * Replaces the new image by a hard link to an equal image of another chain. The kernel caches and mounts the shared
 * file only once. The bytes of the other image are verified first: it may be the damaged one that this one replaces.
 */
function share(
  { siblings, target }: ComposeJobInput,
  info: ComposedImage,
  checkpoint: () => void,
): void {
  for (const sibling of siblings) {
    try {
      const other = findImageInfo(sibling);
      if (other === undefined || !isEqual(other, info)) continue;
      if (!isImageWholeSync(sibling, other, checkpoint)) continue;
      Deno.linkSync(`${sibling}/${IMAGE}`, `${target}/${IMAGE}.shared`);
      Deno.renameSync(`${target}/${IMAGE}.shared`, `${target}/${IMAGE}`);
      return;
    } catch (error) {
      // The other image was removed meanwhile, or the file system allows no more links to it. This chain keeps its own
      // image.
      if (fileErrno(error) === undefined && !(error instanceof VarveError)) throw error;
    }
  }
}

/** Whether two images show the same files. Images with equal bytes but other layers are different file systems. */
function isEqual(a: ComposedImage, b: ComposedImage): boolean {
  return a.digest === b.digest && a.size === b.size &&
    a.devices.length === b.devices.length &&
    a.devices.every((device, i) => device === b.devices[i]);
}

/** The layer tars. Each is opened at its first use, because file contents are rarely copied into an image. */
class Contents implements Disposable {
  readonly #paths: ReadonlyMap<DiffId, string>;
  readonly #open = new Map<DiffId, Fd>();
  readonly #stack = new DisposableStack();
  #buffer = new Uint8Array(64 * 1024);

  constructor(contents: ComposeJobInput["contents"]) {
    this.#paths = new Map(contents);
  }

  readonly read: ReadLayer = (source, position, length) => {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
    const bytes = this.#buffer.subarray(0, length);
    return bytes.subarray(0, readFully(this.#fd(source), bytes, position));
  };

  #fd(source: DiffId): Fd {
    let fd = this.#open.get(source);
    if (fd === undefined) {
      const path = this.#paths.get(source);
      if (path === undefined) {
        throw new VarveError("E_MISSING", `Cannot compose a chain: layer ${source} is not given`);
      }
      fd = this.#stack.use(ownFd(openAt(CWD, fromText(path), Open.READ | Open.NO_FOLLOW))).fd;
      this.#open.set(source, fd);
    }
    return fd;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
