import { fromText } from "../../../bytes/mod.ts";
import { findRuntime, hasHybridCgroups, hasOnlyUnifiedCgroups } from "../../../container/mod.ts";
import { VarveError } from "../../../errors.ts";
import {
  CWD,
  effectiveUser,
  fileSystemOf,
  isPermitted,
  isSupported,
  kernelRelease,
  mayMount,
  Open,
  openAt,
  ownFd,
  readKernelFile,
} from "../../../linux/mod.ts";
import type { Store } from "../../../store/mod.ts";
import type { Installable } from "./packages.ts";

/** Programs that varve uses or is tested with. All are optional. */
export const TOOLS: readonly { readonly name: Installable; readonly for: string }[] = [
  { name: "umoci", for: "reads the store's content as an OCI layout" },
  { name: "skopeo", for: "copies images between the store's content and registries" },
  { name: "podman", for: "loads what save writes" },
  { name: "docker", for: "loads what save writes" },
  { name: "ctr", for: "loads what save writes" },
  { name: "runc", for: "runs containers" },
  { name: "crun", for: "runs containers" },
  { name: "unshare", for: "runs containers without a runtime (--runtime chroot)" },
  { name: "tini-static", for: "run --init" },
  { name: "tini", for: "run --init, if tini-static is missing" },
];

/**
 * Facts about the machine. `memory` is in bytes, `user` is the effective user ID, `openFiles` is the limit of open
 * files.
 */
export interface MachineFacts {
  readonly os: string;
  readonly arch: string;
  readonly kernel: string;
  readonly cores: number;
  readonly memory: number;
  readonly user: number | null;
  readonly maySystemCall: boolean;
  readonly mayMount: boolean;
  readonly openFiles: number | null;
}

/** Collects the facts about this machine. */
export function machineFacts(): MachineFacts {
  const linux = isSupported();
  const kernel = linux || isDenied() ? kernelRelease() : Deno.osRelease();
  return {
    os: Deno.build.os,
    arch: Deno.build.arch,
    kernel,
    cores: navigator.hardwareConcurrency,
    memory: Deno.systemMemoryInfo().total,
    user: linux ? effectiveUser() : Deno.uid(),
    maySystemCall: linux,
    mayMount: linux && mayMount(),
    openFiles: linux ? openFileLimit() : null,
  };
}

/**
 * Whether a missing permission of Deno, and not the machine, prevents all system calls. Each call then throws an error
 * that says how to grant the permission.
 */
function isDenied(): boolean {
  return Deno.build.os === "linux" && !isPermitted();
}

function openFileLimit(): number | null {
  const match = /^Max open files\s+(\d+)/m.exec(readKernelFile("/proc/self/limits") ?? "");
  return match === null ? null : Number(match[1]);
}

/** A store, and the file system that holds it. Sizes are in bytes. */
export interface StoreFacts {
  readonly root: string | null;
  readonly fileSystem?: string | undefined;
  readonly size?: number | undefined;
  readonly available?: number | undefined;
  readonly freeInodes?: number | undefined;
  readonly readOnly?: boolean | undefined;
}

/** Facts about the file system of a store. */
export function storeFacts(store: Store): StoreFacts {
  if (store.root === null || !isSupported()) return { root: store.root };
  using root = ownFd(openAt(CWD, fromText(store.root), Open.READ | Open.DIRECTORY));
  const { type, size, available, freeInodes, readOnly } = fileSystemOf(root.fd);
  return { root: store.root, fileSystem: type, size, available, freeInodes, readOnly };
}

/** What this machine has for running containers. */
export interface ContainerFacts {
  /** The runtime that `--runtime auto` uses; `null` when there is none. */
  readonly runtime: string | null;
  /** Version of cgroups that is mounted; `hybrid` when both are. */
  readonly cgroups: "1" | "2" | "hybrid";
}

function cgroupVersion(): ContainerFacts["cgroups"] {
  return hasOnlyUnifiedCgroups() ? "2" : hasHybridCgroups() ? "hybrid" : "1";
}

/** Looks for a container runtime and for cgroups. `path` is the value of `PATH`. */
export async function containerFacts(path: string): Promise<ContainerFacts> {
  const cgroups = isSupported() ? cgroupVersion() : "1";
  try {
    return { runtime: (await findRuntime("auto", path)).name, cgroups };
  } catch (error) {
    if (error instanceof VarveError && error.code === "E_UNSUPPORTED") {
      return { runtime: null, cgroups };
    }
    throw error;
  }
}

/** Searches `path`, the value of `PATH`, for a program, as a shell does. */
export async function findTool(name: string, path: string): Promise<string | null> {
  for (const directory of path.split(":")) {
    if (directory === "") continue;
    const candidate = `${directory}/${name}`;
    try {
      const info = await Deno.stat(candidate);
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) return candidate;
    } catch (error) {
      const absent = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.PermissionDenied;
      if (!absent) throw error;
    }
  }
  return null;
}
