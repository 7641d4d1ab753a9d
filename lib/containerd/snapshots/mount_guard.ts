import { fromText } from "../../bytes/mod.ts";
import { isVarveError, VarveError } from "../../errors.ts";
import type { Mount } from "../../linux/mod.ts";
import {
  isSamePidNamespace,
  mountNamespace,
  type MountView,
  mountView,
} from "../check/mount_view.ts";
import type { Introspection } from "../client/contract.ts";

/** Milliseconds until a containerd is asked again that did not say which process it is. */
const PAUSE = 5_000;

/** What is known of a process of containerd. */
interface Place {
  readonly pid: number;
  /** Its mount namespace. */
  readonly namespace: string | null;
  readonly view: MountView;
}

/**
 * Refuses to hand out mounts whose lowers containerd does not see: those that varve mounts itself, while containerd is in
 * another mount namespace. It would find empty directories in their place, and a container would start without the files
 * of its image.
 */
export class MountGuard {
  readonly #introspection: Introspection;
  readonly #directory: string;
  #place: Promise<Place | undefined> | undefined;
  /** When a containerd is asked again that did not answer, on the clock of `performance`. */
  #again = 0;

  /** @param directory absolute path of the directory in which varve mounts lowers */
  constructor(introspection: Introspection, directory: string) {
    this.#introspection = introspection;
    this.#directory = directory;
  }

  /**
   * Checks the mounts of a snapshot. Where it cannot be found out what containerd sees, they pass.
   *
   * @throws {VarveError} `E_PRECONDITION` containerd does not see a lower
   */
  async check(key: string, mounts: readonly Mount[]): Promise<void> {
    const path = `${fromText(this.#directory)}/`;
    const isOurs = (text: string) => text.includes(path);
    if (!mounts.some(({ source, options }) => [source, ...options].some(isOurs))) return;
    const place = await this.#current();
    if (place?.view !== "separate") return;
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot mount snapshot ${
        JSON.stringify(key)
      }: containerd, process ${place.pid}, is in another mount ` +
        "namespace and does not see what varve mounts",
      {
        subject: key,
        hint: "serve the store from containerd's mount namespace, without PrivateTmp, " +
          "ProtectSystem and other sandboxes",
      },
    );
  }

  /** Where containerd is now: it may have been started again. */
  async #current(): Promise<Place | undefined> {
    const known = await this.#place;
    if (known !== undefined && await mountNamespace(known.pid) === known.namespace) return known;
    if (known === undefined && performance.now() < this.#again) return undefined;
    const place = this.#find();
    this.#place = place;
    const found = await place;
    if (found === undefined) this.#again = performance.now() + PAUSE;
    return found;
  }

  async #find(): Promise<Place | undefined> {
    try {
      const { pid, pidns } = await this.#introspection.server();
      if (!await isSamePidNamespace(pidns)) return undefined;
      const namespace = await mountNamespace(pid);
      const view = await mountView("self", pid, this.#directory);
      return { pid, namespace, view };
    } catch (error) {
      if (isVarveError(error)) return undefined;
      throw error;
    }
  }
}
