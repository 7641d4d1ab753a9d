/** Bundles the program into a directory, as the one file has it. With `VARVE_TEST_PROGRAM`, the tests run it. */
// deno-lint-ignore-file no-console
import { bundle } from "./self_extracting.ts";

const [directory] = Deno.args;
if (directory === undefined) throw new TypeError("Cannot bundle: no directory is given");
const root = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");
await bundle({ root, version: "" }, directory);
console.log(`${directory}/lib/cli/main.js`);
