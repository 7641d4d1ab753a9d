import { type ByteString, joinBytes } from "../../bytes/mod.ts";
import type { Warning } from "../../layer/mod.ts";
import { statFd } from "../../linux/mod.ts";
import type { Job, JobContext } from "../../pool/mod.ts";
import { type DirectoryNode, encodeTree, rootOf } from "../../tree/mod.ts";
import { runSyncJob } from "../run_sync_job.ts";
import { assembleParts, type ReadFile } from "./assemble_parts.ts";
import { ContentReader } from "./content_reader.ts";
import type { ScanBase, ScanDirectory, ScanPart, ScanPlace } from "./contract.ts";
import { listDirectories } from "./list_directories.ts";
import { mergeWarnings } from "./merge_warnings.ts";
import { NodeReader } from "./node_reader.ts";
import { openScanned } from "./open_scanned.ts";
import { scanDirectories, type ScanRules } from "./scan_directories.ts";
import { OpenBase } from "./open_base.ts";
import { guarded } from "./scan_failure.ts";

/** Lists the directories of a scan, in a worker. */
export const listJob: Job<ScanPlace, ScanDirectory[]> = {
  name: "list",
  entry: "extract",
  run: (place, { signal, throwIfAborted }) =>
    runSyncJob(signal, () => listDirectories(place, throwIfAborted)),
};

/** Input of {@linkcode scanJob}. */
export interface ScanJobInput {
  /** The directory that is scanned. */
  readonly place: ScanPlace;
  /** The base that it is compared with. */
  readonly base: ScanBase;
  /** The directories in it that this job scans. */
  readonly directories: readonly ScanDirectory[];
  /** The rules of the scan. */
  readonly rules: ScanRules;
}

/** Scans some directories, in a worker. */
export const scanJob: Job<ScanJobInput, ScanPart> = {
  name: "scan",
  entry: "extract",
  run: ({ place, base, directories, rules }, { signal, throwIfAborted, progress }) =>
    runSyncJob(signal, () => {
      using open = new OpenBase(base, throwIfAborted);
      let read = 0;
      return scanDirectories(place, directories, open.tree, rules, (bytes) => {
        throwIfAborted();
        read += bytes;
        if (bytes > 0) progress({ read, written: 0 });
      });
    }),
};

/** Input of {@linkcode assembleJob}. */
export interface AssembleJobInput {
  /** The directory that is scanned. */
  readonly place: ScanPlace;
  /** The base that it was compared with. */
  readonly base: ScanBase;
  /** The results of all scans. */
  readonly parts: readonly ScanPart[];
  /** The rules of the scan. */
  readonly rules: ScanRules;
  /** Whether to read the files, for the digests of their contents. */
  readonly read: boolean;
}

/** The changes of a directory compared with its base. */
export interface AssembledTree {
  /** The layer tree in file form; it has the digests of contents if they were read. */
  readonly tree: Uint8Array;
  /** Whether the directory changes nothing. */
  readonly empty: boolean;
  /** Warnings about things that a layer cannot hold, and things that the policy left out. */
  readonly warnings: readonly Warning[];
}

/** Joins the parts of a scan into one layer tree, in a worker. */
export const assembleJob: Job<AssembleJobInput, AssembledTree> = {
  name: "assemble",
  entry: "extract",
  run: (input, context) => runSyncJob(context.signal, () => assemble(input, context)),
};

function assemble(
  { place, base, parts, rules, read }: AssembleJobInput,
  context: JobContext,
): AssembledTree {
  using open = new OpenBase(base, context.throwIfAborted);
  const nodes = new NodeReader(place.form, rules);
  const tree = assembleParts(
    place.form,
    parts,
    open.tree,
    directoryReader(place, nodes),
    read ? fileReader(place, nodes, context) : undefined,
  );
  return {
    tree: joinBytes(encodeTree(tree)),
    empty: tree.count === 0 && rootOf(tree).implied,
    warnings: mergeWarnings(parts.map((part) => part.warnings)),
  };
}

function directoryReader(
  { root }: ScanPlace,
  nodes: NodeReader,
): (path: ByteString) => DirectoryNode {
  return (path) =>
    guarded(path, () => {
      using directory = openScanned(root, path);
      return nodes.directory(directory.fd, statFd(directory.fd), path, {});
    });
}

function fileReader(
  { root }: ScanPlace,
  nodes: NodeReader,
  { throwIfAborted, progress }: JobContext,
): ReadFile {
  const contents = new ContentReader(root);
  let read = 0;
  const onBytes = (bytes: number) => {
    throwIfAborted();
    progress({ read: read += bytes, written: 0 });
  };
  return (path, node) =>
    guarded(path, () => {
      const { stat, digest } = contents.hash(path, onBytes);
      const { mode, uid, gid, mtime, size } = nodes.withOwner(stat, node);
      return { ...node, mode, uid, gid, mtime, size, digest };
    });
}
