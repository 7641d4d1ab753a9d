import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { closeFd, type Fd, isErrno, mknodAt, Open, openAt, symlinkAt } from "../../linux/mod.ts";
import type {
  DeviceNode,
  DirectoryNode,
  FifoNode,
  FileNode,
  Node,
  SymlinkNode,
} from "../../tree/mod.ts";
import type { AttributeWriter } from "./attribute_writer.ts";
import type { ExtractPolicy } from "./contract.ts";
import type { Tally } from "./extract_report.ts";
import type { LayerTars } from "./layer_tars.ts";

/** A node that is not a directory. */
export type Leaf = Exclude<Node, DirectoryNode>;

/** Makes files, symbolic links, devices, FIFOs and whiteouts. Each name is made exclusively: nothing is ever overwritten. */
export class InodeWriter {
  readonly #policy: ExtractPolicy;
  readonly #skipDevices: boolean;
  readonly #tars: LayerTars;
  readonly #attributes: AttributeWriter;
  readonly #tally: Tally;

  /** Makes a writer. `tally` counts the inodes that it makes. */
  constructor(
    policy: ExtractPolicy,
    rootless: boolean,
    tars: LayerTars,
    attributes: AttributeWriter,
    tally: Tally,
  ) {
    this.#policy = policy;
    this.#skipDevices = rootless || policy.devices === "skip";
    this.#tars = tars;
    this.#attributes = attributes;
    this.#tally = tally;
  }

  /** Whether the policy leaves a node out, under all of its names. */
  leavesOut(node: Node): boolean {
    if (node.type === "whiteout") return this.#policy.whiteouts === "none";
    if (node.type !== "char" && node.type !== "block") return false;
    return this.#skipDevices && this.#policy.devices !== "reject";
  }

  /** Makes the inode of a node, with content and attributes. @throws {VarveError} `E_TYPE` for a device that the policy rejects */
  make(directory: Fd, name: ByteString, node: Leaf, path: ByteString): void {
    switch (node.type) {
      case "file":
        return this.#file(directory, name, node, path);
      case "symlink":
        return this.#symlink(directory, name, node);
      case "char":
      case "block":
      case "fifo":
        return this.#special(directory, name, node, path);
      case "whiteout":
        // Overlayfs makes its own whiteouts in the same way: device 0/0, mode 0.
        mknodAt(directory, name, "char", 0);
        this.#tally.whiteouts++;
    }
  }

  #file(directory: Fd, name: ByteString, node: FileNode, path: ByteString): void {
    const flags = Open.WRITE | Open.CREATE | Open.EXCLUSIVE | Open.NO_FOLLOW;
    const fd = openAt(directory, name, flags, 0o600);
    try {
      this.#tally.bytes += this.#tars.fill(fd, node, path);
      this.#attributes.writeFd(fd, node);
    } finally {
      closeFd(fd);
    }
    this.#tally.files++;
  }

  #symlink(directory: Fd, name: ByteString, node: SymlinkNode): void {
    symlinkAt(node.target, directory, name);
    this.#attributes.writeAt(directory, name, node);
    this.#tally.symlinks++;
  }

  #special(
    directory: Fd,
    name: ByteString,
    node: DeviceNode | FifoNode,
    path: ByteString,
  ): void {
    if (node.type === "fifo") {
      mknodAt(directory, name, "fifo", 0o600);
    } else {
      if (this.#policy.devices === "reject") throw refused(path);
      try {
        mknodAt(directory, name, node.type, 0o600, node.major, node.minor);
      } catch (error) {
        if (!isErrno(error, "EPERM")) throw error;
        throw new VarveError(error.code, error.message, {
          ...error.details,
          hint: "this user may not make devices: set devices to skip",
        }, { cause: error });
      }
    }
    this.#attributes.writeAt(directory, name, node);
    this.#tally.specials++;
  }
}

function refused(path: ByteString): VarveError {
  const subject = escapeForTerminal(path);
  return new VarveError(
    "E_TYPE",
    `Cannot extract ${subject}: it is a device, and devices are rejected`,
    { subject, setting: "devices" },
  );
}
