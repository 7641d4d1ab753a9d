/**
 * `deno task fuzz [--seed N]`: mutates tars, gzip and zstd streams and documents without end, from seed N on (from
 * a random one where none is given). It stops at the first input that is neither taken nor refused as bad data.
 *
 * Such an input becomes a line of `crashers.ts`, with its seed or its bytes, before it is mended.
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { caseOf, judge } from "./fuzz.ts";

function main(): number {
  const { values } = parseArgs({ args: Deno.args, options: { seed: { type: "string" } } });
  const given = values.seed === undefined ? undefined : Number(values.seed);
  if (given !== undefined && !Number.isSafeInteger(given)) {
    console.error("--seed is not an integer");
    return 2;
  }
  const first = given ?? crypto.getRandomValues(new Uint32Array(1))[0] as number;
  console.log(`from seed ${first} on; stop with Ctrl-C`);
  for (let seed = first;; seed++) {
    const { subject, bytes } = caseOf(seed);
    try {
      judge(subject, bytes, seed);
    } catch (error) {
      console.error(`seed ${seed}:`, error);
      console.error(`{ subject: "${subject.name}", base64: "${bytes.toBase64()}" }`);
      return 1;
    }
    if ((seed - first + 1) % 10_000 === 0) console.log(`${seed - first + 1} cases`);
  }
}

if (import.meta.main) Deno.exitCode = main();
