import type { ByteString } from "../../bytes/mod.ts";
import { type Look, type Place, resolveInside } from "./resolve.ts";

/** A file or directory that a container needs as a mount point or as its working directory. */
export interface Want {
  /** Absolute path in the container. */
  readonly path: ByteString;
  /** What to make if nothing exists at the path. */
  readonly type: "directory" | "file";
}

/** The stubs that a root needs: empty files and directories that it lacks. */
export interface StubPlan {
  /** What to make, parents first. The paths contain no links. */
  readonly stubs: readonly Want[];
  /** The place of each want, in the order of the wants. */
  readonly places: readonly Place[];
}

/** Directories on which the runtime mounts file systems of the kernel. No stubs are made below them. */
const KERNEL = /^\/(?:proc|sys|dev)\//;

/** Whether a path lies in a file system that the runtime mounts. */
export function isKernelPath(path: string): boolean {
  return KERNEL.test(`${path}/`);
}

/**
 * Plans the stubs that a root needs. The runtime would make them itself, but in the upper directory, so that a commit
 * would include them.
 *
 * @throws {VarveError} `E_LOOP`, `E_NOT_DIR` as {@linkcode resolveInside}
 */
export function planStubs(wants: readonly Want[], look: Look): StubPlan {
  const planned = new Map<string, Want>();
  const places: Place[] = [];
  const withPlanned: Look = (path) => planned.get(path) ?? look(path);
  for (const want of wants) {
    const place = resolveInside(want.path, withPlanned);
    places.push(place);
    const names = place.path.split("/");
    for (let left = place.missing; left > 0; left--) {
      const path = names.slice(0, names.length - left + 1).join("/") as ByteString;
      if (KERNEL.test(path)) break;
      planned.set(path, { path, type: left === 1 ? want.type : "directory" });
    }
  }
  return { stubs: [...planned.values()], places };
}
