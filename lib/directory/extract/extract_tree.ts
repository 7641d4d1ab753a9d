import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { effectiveUser, type Fd, linkAt, mkdirAt, openRoot, ownFd } from "../../linux/mod.ts";
import { parentPath } from "../../tree/internal.ts";
import { type Node, rootOf, type Tree, walk } from "../../tree/mod.ts";
import { AttributeWriter, probeTimeStep } from "./attribute_writer.ts";
import type { ExtractOptions, ExtractReport } from "./contract.ts";
import { explainFailure } from "./extract_failure.ts";
import { finishDirectories } from "./finish_directories.ts";
import { InodeWriter, type Leaf } from "./inode_writer.ts";
import { TargetDirectories } from "./target_directories.ts";
import { prepareTarget } from "./prepare_target.ts";
import { newTally, type Tally } from "./extract_report.ts";
import { EntryShares } from "./entry_shares.ts";
import { LayerTars } from "./layer_tars.ts";

/** Number of entries between two calls of the checkpoint. */
const CHECKPOINT = 64;

/**
 * Extracts a tree into a directory, or does one phase or part of that.
 *
 * It is synchronous, so call it in a worker. Run `"all"` in one thread; or `"directories"`, then
 * all parts of `"entries"` in several threads, then `"finish"`.
 *
 * @returns the report of this call; `addReports` adds up the reports of several calls
 * @throws {VarveError} `E_SYSCALL` with the path and the kernel's error · `E_XDEV` a file system is
 * mounted inside the target · `E_PATH_ESCAPE` a directory was swapped meanwhile · `E_EXISTS` the
 * target is not empty · `E_TYPE` a device that the policy rejects · `E_MISSING`, `E_DAMAGE` a layer
 * tar is missing or too short · `E_DIGEST` bytes of a file do not match its digest · `E_UNSUPPORTED` the policy wants overlayfs' whiteouts, but this
 * user is not root
 */
export function extractTree(options: ExtractOptions): ExtractReport {
  const { target, phase = "all" } = options;
  using owned = typeof target === "string" ? ownFd(openRoot(target)) : undefined;
  const root = owned?.fd ?? target as Fd;
  using extraction = new Extraction(options, root);
  if (phase === "all" || phase === "directories") extraction.directories();
  if (phase === "all" || phase === "entries") extraction.entries();
  if (phase === "all" || phase === "finish") extraction.finish();
  return extraction.tally;
}

class Extraction implements Disposable {
  readonly tally: Tally = newTally();
  readonly #options: ExtractOptions;
  readonly #tree: Tree;
  readonly #directories: TargetDirectories;
  readonly #tars: LayerTars;
  readonly #attributes: AttributeWriter;
  readonly #inodes: InodeWriter;
  #seen = 0;

  constructor(options: ExtractOptions, root: Fd) {
    const { policy } = options;
    const rootless = policy.rootless ?? effectiveUser() !== 0;
    if (rootless && policy.whiteouts === "overlay") {
      throw new VarveError(
        "E_UNSUPPORTED",
        "Cannot extract for overlayfs: only root may write its whiteouts",
        { hint: "run as root, or unpack the whole image as plain files" },
      );
    }
    this.#options = options;
    this.#tree = options.tree;
    this.#directories = new TargetDirectories(root);
    this.#tars = new LayerTars(options.contents, () => options.checkpoint?.(this.tally));
    const where = { root, rootless, timeStep: this.#lookAtTarget(rootless) };
    this.#attributes = new AttributeWriter(policy, where, this.tally);
    this.#inodes = new InodeWriter(
      policy,
      rootless,
      this.#tars,
      this.#attributes,
      this.tally,
    );
  }

  /**
   * Prepares the target if this is the first call of the extraction. Returns the resolution of file
   * times in the target, in nanoseconds.
   */
  #lookAtTarget(rootless: boolean): number {
    const { phase = "all" } = this.#options;
    let step = 1;
    this.#guard("" as ByteString, undefined, () => {
      using self = ownFd(this.#directories.openForAttributes("" as ByteString));
      if (phase === "all" || phase === "directories") prepareTarget(self.fd, rootless);
      step = probeTimeStep(self.fd);
    });
    return step;
  }

  /**
   * Makes all directories with mode 0700, so that no other user can enter them before they get
   * their own mode.
   */
  directories(): void {
    for (const { path, name, node } of walk(this.#tree)) {
      if (node.type !== "directory") continue;
      this.#at(path, (directory) => {
        mkdirAt(directory, name, 0o700);
        this.tally.directories++;
      });
    }
  }

  /**
   * Makes the entries of this part that are not directories. Of an inode with several names, it
   * makes only the first name.
   */
  entries(): void {
    const shares = new EntryShares(this.#options.part ?? { index: 0, count: 1 });
    // For each directory from the root to the current one: whether it is opaque.
    const opaque = [rootOf(this.#tree).opaque];
    for (const { path, name, node, depth } of walk(this.#tree)) {
      if (node.type === "directory") {
        opaque[depth] = node.opaque;
        continue;
      }
      if (isFurtherLink(node, path)) continue;
      if (!shares.takes(parentPath(path), node)) continue;
      // An opaque directory already hides all entries of lower layers, so it needs no whiteouts.
      if (node.type === "whiteout" && opaque[depth - 1]) continue;
      if (this.#leavesOut(node)) continue;
      this.#at(path, (directory) => this.#inodes.make(directory, name, node as Leaf, path));
    }
  }

  /** Makes the other names of hard links, then sets the attributes of directories. */
  finish(): void {
    for (const { path, name, node } of walk(this.#tree)) {
      if (!isFurtherLink(node, path) || this.#leavesOut(node)) continue;
      this.#at(path, (directory) => {
        const from = this.#directories.at(parentPath(node.group));
        linkAt(
          from,
          node.group.slice(node.group.lastIndexOf("/") + 1) as ByteString,
          directory,
          name,
        );
        this.tally.links++;
      });
    }
    finishDirectories(this.#tree, this.#options.policy, (path, node, extra) => {
      this.#count();
      this.#guard(path, undefined, () => {
        using fd = ownFd(this.#directories.openForAttributes(path));
        this.#attributes.writeFd(fd.fd, node, extra);
      });
    });
  }

  [Symbol.dispose](): void {
    this.#directories[Symbol.dispose]();
    this.#tars[Symbol.dispose]();
  }

  #leavesOut(node: Node): boolean {
    if (!this.#inodes.leavesOut(node)) return false;
    if (node.type !== "whiteout") this.tally.dropped.device++;
    return true;
  }

  #count(): void {
    if (++this.#seen % CHECKPOINT === 0) this.#options.checkpoint?.(this.tally);
  }

  /** Calls `act` with the directory that a path is in. */
  #at(path: ByteString, act: (directory: Fd) => void): void {
    this.#count();
    let directory: Fd | undefined;
    this.#guard(path, () => directory, () => {
      directory = this.#directories.at(parentPath(path));
      act(directory);
    });
  }

  #guard(path: ByteString, directory: (() => Fd | undefined) | undefined, act: () => void): void {
    try {
      act();
    } catch (error) {
      throw explainFailure(error, path, this.#directories.root, directory?.());
    }
  }
}

type FurtherLink = Exclude<Leaf, { type: "whiteout" }> & { readonly group: ByteString };

/** Whether this name is a hard link to an inode that was made under the least path of its group. */
function isFurtherLink(node: Node, path: ByteString): node is FurtherLink {
  return node.type !== "directory" && node.type !== "whiteout" && node.group !== null &&
    node.group !== path;
}
