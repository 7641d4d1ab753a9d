import { type ErrorRecord, toErrorRecord } from "../errors.ts";
import { fileError } from "../linux/mod.ts";

/**
 * The error of a job as plain data. An error of Deno's file API becomes `E_SYSCALL` or `E_DENIED` here, wherever in the
 * job it was thrown: its class and code are lost between threads.
 *
 * @param name the job's name
 */
export function jobErrorRecord(name: string, error: unknown): ErrorRecord {
  return toErrorRecord(fileError(error, `finish the job ${name}`));
}
