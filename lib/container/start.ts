import { VarveError } from "../errors.ts";
import { labelledImage, quoteKey } from "../snapshot/internal.ts";
import type { SnapshotRow } from "../store/mod.ts";
import { CONTAINER_LABELS } from "./container_records.ts";
import type { ContainerEnd, RunContainerOptions } from "./contract.ts";
import { runContainer } from "./run.ts";
import { refuseRunning } from "./run_directory.ts";
import { readOptionLabels, type StartOptions } from "./start_options.ts";

/** Options of {@linkcode startContainer}: those of a run that are not kept from one run to the next. */
export interface StartContainerOptions extends
  Pick<
    RunContainerOptions,
    | "store"
    | "snapshotter"
    | "searchPath"
    | "sweep"
    | "forwardSignals"
    | "signal"
    | "onStart"
    | "now"
  > {
  /** Key of the container's snapshot. */
  readonly key: string;
  /** Whether the process gets a terminal. By default as in its last run. */
  readonly tty?: boolean | undefined;
}

/**
 * Runs a container that has ended again, in the foreground, as it was run the last time: the same snapshot, image,
 * command, environment, volumes and so on.
 *
 * The image is that of the last run, also where its name is gone or points to another image since.
 *
 * @throws {VarveError} `E_NOT_FOUND` there is no snapshot with this key · `E_BUSY` it runs or is mounted ·
 * `E_PRECONDITION` the snapshot was never run, or its last run did not record how, or its image is gone · as
 * `runContainer`
 *
 * @example
 * ```ts ignore
 * const { exit } = await startContainer({ store, snapshotter, key: "web", searchPath: "/usr/sbin:/usr/bin" });
 * ```
 */
export async function startContainer(options: StartContainerOptions): Promise<ContainerEnd> {
  const { store, key, tty, ...rest } = options;
  const row = store.snapshots.read((table) => table.get(key));
  if (row === undefined) {
    throw new VarveError("E_NOT_FOUND", `Cannot start ${quoteKey(key)}: there is no container`, {
      subject: key,
      hint: "list the containers",
    });
  }
  if (row.kind !== "active" || row.labels[CONTAINER_LABELS.image] === undefined) {
    throw cannotStart(row, "it is the snapshot of no container", "run an image on another key");
  }
  await refuseRunning(store, key);
  const kept = keptOptions(row);
  const image = await labelledImage(store, row);
  if (image === undefined) {
    throw cannotStart(
      row,
      "its image is not in the store any more",
      `get ${nameOf(row)} again, or read the files of the snapshot`,
    );
  }
  const process = { ...kept.process, tty: tty ?? kept.process?.tty };
  return await runContainer({ ...rest, ...kept, store, image, key, mustExist: true, process });
}

/** The options of the last run. @throws {VarveError} `E_PRECONDITION` it did not record them */
function keptOptions(row: SnapshotRow): StartOptions {
  const kept = readOptionLabels(row.labels);
  if (kept !== undefined && kept !== null) return kept;
  throw cannotStart(
    row,
    kept === null
      ? "another version of varve recorded how it was run, or the record is damaged"
      : "the version of varve that ran it did not record how",
    `run ${nameOf(row)} on this key again`,
  );
}

function nameOf({ labels }: SnapshotRow): string {
  return labels[CONTAINER_LABELS.image] ?? "";
}

function cannotStart({ key }: SnapshotRow, reason: string, hint: string): VarveError {
  const message = `Cannot start ${quoteKey(key)}: ${reason}`;
  return new VarveError("E_PRECONDITION", message, { subject: key, hint });
}
