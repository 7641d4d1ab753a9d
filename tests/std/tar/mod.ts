// Stand-in for `@std/tar` 0.1.10, written for these tests: ustar only, as the real one.
// The same names, types and refusals; see tests/std/README.md.
export * from "./tar_stream.ts";
export * from "./untar_stream.ts";
