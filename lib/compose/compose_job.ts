import { fromText } from "../bytes/mod.ts";
import { type ReadLayer, writeErofs } from "../codec/erofs/mod.ts";
import { createHasher, type DiffId, type Digest } from "../digest/mod.ts";
import { readTree } from "../directory/internal.ts";
import { VarveError } from "../errors.ts";
import { foldLayers } from "../layer/mod.ts";
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
import { decodeTree, newBytes, type Tree, writeTree } from "../tree/mod.ts";
import { type ComposedImage, IMAGE, ROOT_TREE } from "./contract.ts";
import { findAbout, writeAbout } from "./image_info.ts";

/** A fold that writes so many bytes took long enough to be kept: some 40,000 entries. */
export const KEPT_FROM: number = 4 * 2 ** 20;

/** Bytes of layer trees that are folded and written on a cold start in some 0.2 s: 100,000 entries of a distribution. */
const BRIEF_BYTES = 12 * 2 ** 20;

/** Input of {@linkcode composeJob}. */
export interface ComposeJobInput {
  /** The layer trees, lowest first. */
  readonly trees: readonly TreeFile[];
  /** The root tree of the lowest of them, where it was kept. */
  readonly below: KeptTree | null;
  /** Paths of the layer tars. */
  readonly contents: readonly (readonly [DiffId, string])[];
  /** Layers whose padding is not zero. */
  readonly dirty: readonly DiffId[];
  /** An empty directory. */
  readonly target: string;
  /** Directories of composed chains: one of the same image is shared. */
  readonly siblings: readonly string[];
  /** Bytes that the fold wrote from which the root tree is kept; {@linkcode KEPT_FROM} when absent. */
  readonly keptFrom?: number | undefined;
}

/** A root tree that was kept beside an image. */
export interface KeptTree {
  /** Its file. */
  readonly path: string;
  /** SHA-256 of the file as it was written. */
  readonly sum: Digest;
  /** How many layers are folded in it. */
  readonly layers: number;
}

/** Folds the layers of a chain and writes the image of the root tree. */
export const composeJob: BriefJob<ComposeJobInput, ComposedImage> = {
  name: "compose",
  entry: "extract",
  // What lies behind files in a layer with odd padding is looked for in all of it.
  isBrief: ({ trees, dirty }) => dirty.length === 0 && sizeOf(trees) <= BRIEF_BYTES,
  async run(input, { signal }) {
    await Promise.resolve();
    signal.throwIfAborted();
    const tree = rootTree(input);
    using contents = new Contents(input.contents);
    const image = writeErofs(tree, { read: contents.read, dirty: new Set(input.dirty) });
    using file = create(`${input.target}/${IMAGE}`);
    reserveFd(file.fd, 0, image.size);
    const hasher = createHasher();
    image.write((bytes) => {
      signal.throwIfAborted();
      hasher.update(bytes);
      writeFd(file.fd, bytes);
    });
    const { size, devices } = image;
    const isKept = newBytes(tree) >= (input.keptFrom ?? KEPT_FROM);
    const kept = isKept ? keep(`${input.target}/${ROOT_TREE}`, tree) : null;
    const about = { digest: hasher.digest(), size, devices, tree: tree.digest, kept };
    share(input, about);
    writeAbout(input.target, about);
    return about;
  },
};

/** Bytes of files, of which a missing one is told when it is read. */
function sizeOf(files: readonly TreeFile[]): number {
  try {
    return files.reduce((sum, { path }) => sum + Deno.statSync(path).size, 0);
  } catch {
    return Infinity;
  }
}

/** Folds the layers; from the tree that was kept on, if it is what it should be. */
function rootTree({ trees, below }: ComposeJobInput): Tree {
  const base = below === null ? undefined : readKept(below);
  return foldLayers(trees.slice(base === undefined ? 0 : below?.layers).map(readTree), base);
}

/** Nothing where it is damaged, or was removed meanwhile: the layers are there. */
function readKept({ path, sum }: KeptTree): Tree | undefined {
  try {
    return decodeTree(Deno.readFileSync(path), sum);
  } catch (error) {
    if (error instanceof VarveError || fileErrno(error) !== undefined) return undefined;
    throw error;
  }
}

function keep(path: string, tree: Tree): Digest {
  using file = create(path);
  return writeTree(tree, (bytes) => writeFd(file.fd, bytes));
}

/** A new file that nobody writes to again. */
function create(path: string): OwnedFd {
  const flags = Open.WRITE | Open.CREATE | Open.EXCLUSIVE | Open.NO_FOLLOW;
  return ownFd(openAt(CWD, fromText(path), flags, 0o444));
}

/** Takes the equal image of another chain for the new one, by a hard link: it is cached once and mounted once. */
function share({ siblings, target }: ComposeJobInput, about: ComposedImage): void {
  for (const sibling of siblings) {
    try {
      const other = findAbout(sibling);
      if (other === undefined || !isEqual(other, about)) continue;
      Deno.linkSync(`${sibling}/${IMAGE}`, `${target}/${IMAGE}.shared`);
      Deno.renameSync(`${target}/${IMAGE}.shared`, `${target}/${IMAGE}`);
      return;
    } catch (error) {
      // It was removed meanwhile, or has as many links as there may be: then this chain has its own.
      if (fileErrno(error) === undefined && !(error instanceof VarveError)) throw error;
    }
  }
}

/** The same bytes over other layers are another file system. */
function isEqual(a: ComposedImage, b: ComposedImage): boolean {
  return a.digest === b.digest && a.size === b.size &&
    a.devices.length === b.devices.length &&
    a.devices.every((device, i) => device === b.devices[i]);
}

/** The layer tars, opened when they are asked for: few images copy anything. */
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
