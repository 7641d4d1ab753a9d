import { VarveError } from "../../errors.ts";
import type { SnapshotRow } from "../../store/mod.ts";

/**
 * The namespace of containerd to which a snapshot belongs. containerd's keys are `<namespace>/<number>/<key>`. This
 * namespace counts, not a header of the call: the mounts prove which snapshot is meant, and some builds of containerd send
 * no header.
 *
 * @throws {VarveError} `E_PRECONDITION` the key is not one of containerd's
 */
export function namespaceOf({ key }: Pick<SnapshotRow, "key">): string {
  const end = key.indexOf("/");
  if (end > 0) return key.slice(0, end);
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot find the namespace of snapshot ${JSON.stringify(key)}: containerd did not make it`,
    { subject: key },
  );
}
