/**
 * `deno task bench [NAME…]`: runs the benchmarks, each in a process of its own, one after the
 * other, and fails where one missed a bound.
 */
// deno-lint-ignore-file no-console

const here = new URL("./", import.meta.url).pathname;
const names: string[] = [];
for await (const entry of Deno.readDir(here)) {
  const name = /^(.*)_bench\.ts$/.exec(entry.name)?.[1];
  if (name !== undefined && (Deno.args.length === 0 || Deno.args.includes(name))) names.push(name);
}
for (const wanted of Deno.args) {
  if (!names.includes(wanted)) {
    console.error(`Cannot run the benchmark ${wanted}: no file ${here}${wanted}_bench.ts`);
    Deno.exit(2);
  }
}

const missed: string[] = [];
for (const name of names.toSorted()) {
  console.log(`\n# ${name}`);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${here}${name}_bench.ts`],
  }).spawn().status;
  if (code !== 0) missed.push(name);
}
if (missed.length > 0) {
  console.error(`\nFailed or missed a bound: ${missed.join(", ")}`);
  Deno.exit(1);
}
