import type { VarveError } from "../../../errors.ts";
import type { DriverFinding } from "../../../snapshot/mod.ts";
import type { ContainerdLine } from "./doctor_containerd.ts";
import type { MachineFacts, StoreFacts } from "./doctor_facts.ts";
import type { SlowFact } from "./doctor_faster.ts";
import type { DoctorCheck } from "./doctor_mends.ts";

/** All that doctor found out. */
export interface DoctorFacts {
  readonly machine: MachineFacts;
  readonly store: Partial<StoreFacts>;
  /** Why the store cannot be opened. */
  readonly error?: VarveError | undefined;
  readonly drivers: readonly DriverFinding[];
  readonly faster: readonly SlowFact[];
  readonly runtime: string | null;
  /** Names of tools that are not found. */
  readonly missing: readonly string[];
  readonly containerd: readonly ContainerdLine[] | null;
}

/** A check that failed, and what was found. */
export interface Failure {
  readonly check: DoctorCheck;
  readonly found: string;
}

/** Below this limit of open files, a load of many layers can fail. */
const LEAST_FILES = 1024;
/** Bytes below which the disk is as good as full. */
const LEAST_SPACE = 512 * 1024 * 1024;
/** Files below which the file system is as good as full. */
const LEAST_INODES = 1000;
/** File systems that have a fixed number of files. Others say 0. */
const FIXED_INODES = ["ext4", "xfs", "tmpfs"];

/** What fails, in the order of the report. */
export function failuresOf(facts: DoctorFacts): Failure[] {
  const { machine, store, error, drivers, faster, runtime, missing, containerd } = facts;
  const failures: Failure[] = [];
  const fail = (check: DoctorCheck, found: string) => void failures.push({ check, found });
  if (!machine.maySystemCall) {
    fail("system calls", `varve makes no system calls on ${machine.os} ${machine.arch}`);
  } else if (!machine.mayMount) fail("mounts", `user ${machine.user} may not mount here`);
  if (machine.openFiles !== null && machine.openFiles < LEAST_FILES) {
    fail("open files", `a process may open only ${machine.openFiles} files`);
  }
  if (error !== undefined) fail(checkOf(error), error.message);
  if (store.readOnly === true) fail("writable", "the store is on a file system that is read-only");
  if ((store.available ?? Infinity) < LEAST_SPACE) fail("space", "the disk is nearly full");
  if (FIXED_INODES.includes(store.fileSystem ?? "") && (store.freeInodes ?? 0) < LEAST_INODES) {
    fail("inodes", "the file system can hold nearly no more files");
  }
  // A user who may not mount has been told so, and a disk that takes no writes tells nothing about drivers.
  if (machine.mayMount && store.readOnly !== true) {
    for (const { name, works, why, untried } of drivers) {
      if (works || untried === true || name === "native") continue;
      // No module of the kernel helps where the file system is the reason.
      const isPlace = faster.some(({ check }) => check === "file system");
      if (!isPlace) fail(name, `the driver ${name} does not work: ${why}`);
    }
  }
  for (const { check, found } of faster) {
    if (check !== "erofs") fail(check, found);
  }
  if (runtime === null) fail("runtime", "no runtime for containers is installed");
  if (missing.length > 0) fail("tools", `optional tools are missing: ${missing.join(", ")}`);
  for (const { check, ok, found } of containerd ?? []) {
    if (ok !== true) fail(`containerd: ${check}`, `containerd, ${check}: ${found}`);
  }
  return failures;
}

/** What an error of opening the store is about. */
function checkOf({ code, details: { errno, hint = "" } }: VarveError): DoctorCheck {
  if (hint.includes("newer varve")) return "version";
  if (code === "E_DB" || code === "E_DAMAGE") return "database";
  if (code === "E_DENIED" || code === "E_PRECONDITION") return "owner";
  if (errno === "ENOSPC" || errno === "EDQUOT") return "space";
  if (errno === "EROFS") return "writable";
  return "store";
}
