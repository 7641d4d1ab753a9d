/**
 * How the engine compiles the program, in the one file and in the command that the README installs.
 *
 * A command runs for a second or two, and most of its time is native code: hashes, inflating, the kernel. Maglev's code is
 * good enough for the rest; TurboFan's costs more CPU time to make than it saves. Measured in pairs, CPU seconds of `load
 * --mount` of 37,700 entries without TurboFan by those with it: 0.92 (95 %: 0.89 to 0.94) with libisal, 0.91 (0.89 to 0.99)
 * with zlib; of `import` of 200,000 entries 1.02 (0.94 to 1.13), of 800,000 entries 1.06.
 */
export const V8_FLAGS = "--v8-flags=--no-turbofan";

/** How the bundled program is started: with no network, and with nothing of what lies around it. */
export const START: readonly string[] = [
  ...["run", "-A", "--quiet", "--no-config", "--no-lock", "--cached-only", "--no-prompt", V8_FLAGS],
];
