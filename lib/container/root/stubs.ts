import type { ByteString } from "../../bytes/mod.ts";
import { type Look, type Place, resolveInside } from "./resolve.ts";

/** Something that a container needs to be there, so that it can be mounted over or entered. */
export interface Want {
  /** Absolute path inside. */
  readonly path: ByteString;
  /** What it must be when it is missing. */
  readonly type: "directory" | "file";
}

/** What a root lacks. */
export interface StubPlan {
  /** What to make, parents first; paths without links. */
  readonly stubs: readonly Want[];
  /** Where each want leads, in the order of the wants. */
  readonly places: readonly Place[];
}

/** File systems that the runtime mounts: what lies in them is of no use in the image. */
const KERNEL = /^\/(?:proc|sys|dev)\//;

/** Whether a path lies in a file system that the runtime mounts. */
export function isKernelPath(path: string): boolean {
  return KERNEL.test(`${path}/`);
}

/**
 * Plans what a root lacks. Without it the runtime would make it, in the upper
 * directory, and a commit would find it there.
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
