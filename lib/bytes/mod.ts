/**
 * Byte strings (file names are bytes, not text), timestamps and hexadecimal.
 *
 * @module
 */
export * from "./byte_string.ts";
export * from "./file_mode.ts";
export * from "./hex.ts";
export * from "./join.ts";
export * from "./timestamp.ts";
export * from "./zeros.ts";
