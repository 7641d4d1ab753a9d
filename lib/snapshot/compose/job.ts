import type { DiffId, Digest } from "../../digest/mod.ts";
import { fromText } from "../../bytes/mod.ts";
import { erofsImageName, type ReadLayer, writeErofs } from "../../codec/erofs/mod.ts";
import { VarveError } from "../../errors.ts";
import { foldLayers } from "../../layer/mod.ts";
import {
  CWD,
  type Fd,
  Open,
  openAt,
  ownFd,
  readFully,
  reserveFd,
  writeFd,
} from "../../linux/mod.ts";
import type { Job } from "../../pool/mod.ts";
import { emptyTree } from "../../tree/mod.ts";
import { readTree } from "../read_tree.ts";
import { ABOUT, type ComposedImage, IMAGE } from "./contract.ts";

/** Input of {@linkcode composeJob}. */
export interface ComposeJobInput {
  /** Paths of the layer trees, lowest first. */
  readonly trees: readonly string[];
  /** Paths of the layer tars. */
  readonly contents: readonly (readonly [DiffId, string])[];
  /** Layers whose padding is not zero. */
  readonly dirty: readonly DiffId[];
  /** An empty directory. */
  readonly target: string;
  /** Directories of composed chains: one of the same image is shared. */
  readonly siblings: readonly string[];
}

/** Folds the layers of a chain and writes the image of the root tree, in a worker. */
export const composeJob: Job<ComposeJobInput, ComposedImage> = {
  name: "compose",
  entry: "extract",
  async run(input, { signal }) {
    await Promise.resolve();
    signal.throwIfAborted();
    const layers = input.trees.map(readTree);
    const tree = layers.length === 0 ? emptyTree("root") : foldLayers(layers);
    const name = erofsImageName(tree);
    const shared = share(input, name);
    if (shared !== undefined) return shared;
    using contents = new Contents(input.contents);
    const image = writeErofs(tree, { read: contents.read, dirty: new Set(input.dirty) });
    const about = { name, size: image.size, devices: image.devices };
    using file = ownFd(
      openAt(
        CWD,
        fromText(`${input.target}/${IMAGE}`),
        Open.WRITE | Open.CREATE | Open.EXCLUSIVE | Open.NO_FOLLOW,
        0o444,
      ),
    );
    reserveFd(file.fd, 0, image.size);
    image.write((bytes) => {
      signal.throwIfAborted();
      writeFd(file.fd, bytes);
    });
    writeAbout(input.target, about);
    return about;
  },
};

/** Takes the image of another chain whose root tree and locators are the same, by a hard link. */
function share({ siblings, target }: ComposeJobInput, name: Digest): ComposedImage | undefined {
  for (const sibling of siblings) {
    try {
      const about = readAbout(sibling);
      if (about.name !== name) continue;
      Deno.linkSync(`${sibling}/${IMAGE}`, `${target}/${IMAGE}`);
      writeAbout(target, about);
      return about;
    } catch (error) {
      // It was removed meanwhile, or is none: then this chain has its own.
      const gone = error instanceof Deno.errors.NotFound || error instanceof VarveError;
      if (!gone) throw error;
    }
  }
  return undefined;
}

function writeAbout(target: string, about: ComposedImage): void {
  Deno.writeTextFileSync(`${target}/${ABOUT}`, JSON.stringify(about), { mode: 0o444 });
}

/** Reads what is said of a composed image. @throws {VarveError} `E_DAMAGE` when it says nothing of use */
export function readAbout(directory: string): ComposedImage {
  try {
    const { name, size, devices } = JSON.parse(Deno.readTextFileSync(`${directory}/${ABOUT}`));
    if (typeof name === "string" && typeof size === "number" && Array.isArray(devices)) {
      return { name: name as Digest, size, devices: devices as DiffId[] };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new VarveError("E_DAMAGE", `Cannot use composed image ${directory}: ${ABOUT} is damaged`, {
    subject: directory,
  });
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
