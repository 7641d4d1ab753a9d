/**
 * Small values below everything else: byte strings (file names are bytes, not text), timestamps,
 * hexadecimal, the type bits of file modes, and sizes in readable units.
 *
 * @module
 */
export * from "./byte_string.ts";
export * from "./file_mode.ts";
export * from "./format_bytes.ts";
export * from "./hex.ts";
export * from "./join.ts";
export * from "./terminal.ts";
export * from "./timestamp.ts";
export * from "./zeros.ts";
