/**
 * A change as apt makes it, of 3,000 files with all that a layer can hold and a sparse file of 1 GiB, and a change
 * of one file, made into a layer by varve, `umoci repack` and `docker commit` in one run; and what each of them loses.
 *
 * Root, debootstrap, umoci, skopeo and docker are needed. `--durability none`, because umoci syncs nothing either.
 */
// deno-lint-ignore-file no-console
import { assertEquals } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { type AptChange, aptChange } from "../support/peers/apt_change.ts";
import { debianImage } from "../support/peers/debian.ts";
import { startDocker } from "../support/peers/docker.ts";
import { listDirectory } from "../support/trees/directory_differences.ts";
import { compare, figure, timingOf } from "./harness.ts";
import { compileProgram } from "../support/compile/program.ts";

const CHANGE: AptChange = { files: 3000, sparse: 1024 * 1024 * 1024 };
const RUNS = 3;
const LONG = { timeout: 900_000 };

const image = await debianImage();
await using temp = await tempDir("varve-bench-");
/** What an engine took, in ms, and what it lost. */
interface Result {
  readonly name: string;
  readonly time: number;
  /** For a change of one file. */
  readonly one: number;
  readonly lost: ReadonlyMap<string, number>;
}

const results: Result[] = [];

function done(result: Result): void {
  results.push(result);
  const { name, time, one } = result;
  console.error(`${name}: ${Math.round(time)} ms, of one file ${Math.round(one)} ms`);
}

async function timed(fn: (round: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < RUNS; round++) {
    await run(["sync", "-f", temp.path], LONG);
    const start = performance.now();
    await fn(round);
    times.push(performance.now() - start);
  }
  return timingOf(times).least;
}

async function changeOne(root: string): Promise<void> {
  await Deno.writeTextFile(`${root}/etc/one-file`, "changed\n");
}

/** How much longer a commit of one file takes on the Debian image than on one of 1,000 files. */
async function besideSmall(varve: Cli): Promise<number> {
  const small = temp.join("small");
  await Deno.mkdir(`${small}/etc`, { recursive: true });
  for (let i = 0; i < 1000; i++) await Deno.writeTextFile(`${small}/etc/${i}`, `${i}`);
  await varve.json(["import", small, "small:1"]);
  await Deno.mkdir(temp.join("one"));
  for (const name of ["small:1", "debian:varve"]) {
    await varve.json(["mount", name, temp.join("one"), "--rw", name]);
    await changeOne(temp.join("one"));
    await varve.json(["umount", temp.join("one")]);
  }
  const [large, least] = await compare(
    () => varve.json(["commit", "debian:varve", "large:1"]),
    () => varve.json(["commit", "small:1", "small:2"]),
    { runs: 7 },
  );
  return large.least / least.least;
}

/** Loads what an engine made into a store of its own, unpacks it, and counts what is not as it was. */
async function losses(archive: string, root: string): Promise<Map<string, number>> {
  await using directory = await tempDir("varve-bench-");
  const varve = new Cli(directory.join("store"));
  const { images } = await varve.json(["load", archive], LONG);
  await varve.json(["unpack", images.at(-1).name, directory.join("root")], LONG);
  const lost = new Map<string, number>();
  const names = Array.from(
    { length: CHANGE.files / 30 },
    (_, i) => `usr/lib/package-${i}`,
  );
  for (const name of [...names, "usr/odd"]) {
    const made = listDirectory(directory.join("root", name));
    for (const [path, line] of listDirectory(`${root}/${name}`)) {
      for (const what of differs(line, made.get(path))) lost.set(what, (lost.get(what) ?? 0) + 1);
    }
  }
  return lost;
}

/** In which parts two lines of a listing differ. */
function differs(before: string, after: string | undefined): string[] {
  if (before === after) return [];
  if (after === undefined) return ["whole entries"];
  const [a, b] = [parts(before), parts(after)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
}

function parts(line: string): Map<string, string> {
  const [type = "", mode = "", owner = "", time = "", ...rest] = line.split(" ");
  const out = new Map([["type", type], ["mode", mode], ["owner", owner]]);
  const [seconds = "", ns = ""] = time.split(".");
  out.set("times (s)", seconds);
  out.set("times (ns)", ns);
  for (const [, name = "", value = ""] of rest.join(" ").matchAll(/(\S+?)=(\S*)/g)) {
    out.set(name, value);
  }
  const links = /links (\d+)/.exec(line)?.[1];
  if (links !== undefined) out.set("hard links", links);
  // A value may hold spaces: what stands behind the first attribute belongs to attributes.
  const attributes = rest.findIndex((one) => /^(?:user|security|system|trusted)\.\S*=/.test(one));
  const plain = rest.slice(2, attributes < 0 ? rest.length : attributes).join(" ");
  out.set("content, target, numbers", plain);
  return out;
}

let beside = NaN;
{
  const varve = (await compileProgram(temp.path))(temp.join("store"));
  await varve.json(["load", image.layout, "--name", "debian:varve"], LONG);
  const root = temp.join("mnt");
  await Deno.mkdir(root);
  await varve.json(["mount", "debian:varve", root, "--rw", "work"], LONG);
  await changeOne(root);
  const one = await timed((round) => varve.json(["commit", "work", `one:${round}`], LONG));
  aptChange(root, CHANGE);
  const time = await timed((round) => varve.json(["commit", "work", `app:${round}`], LONG));
  await varve.json(["save", "app:0", "-o", temp.join("varve.tar")], LONG);
  done({ name: "varve commit", time, one, lost: await losses(temp.join("varve.tar"), root) });
  await varve.json(["umount", root]);
  beside = await besideSmall(varve);
  await Deno.remove(temp.join("varve.tar"));
}
{
  const layout = temp.join("layout");
  await run(["cp", "-a", image.layout, layout], LONG);
  await run(["umoci", "unpack", "--image", `${layout}:varve`, temp.join("bundle")], LONG);
  const root = temp.join("bundle/rootfs");
  await changeOne(root);
  const repack = (tag: string) =>
    run(["umoci", "repack", "--image", `${layout}:${tag}`, temp.join("bundle")], LONG);
  const one = await timed((round) => repack(`one-${round}`));
  aptChange(root, CHANGE);
  const time = await timed((round) => repack(`new-${round}`));
  const archive = temp.join("umoci.tar");
  await run(["skopeo", "copy", "-q", `oci:${layout}:new-0`, `oci-archive:${archive}:new:0`], LONG);
  done({ name: "umoci repack", time, one, lost: await losses(archive, root) });
  for (const path of [archive, temp.join("bundle"), layout]) {
    await Deno.remove(path, { recursive: true });
  }
}
{
  await using docker = await startDocker();
  const call = async (...args: string[]) =>
    (await run([...docker.command, ...args], LONG)).stdout.trim();
  await call("load", "-i", image.docker);
  const id = await call("run", "-d", "--network", "none", "debian:varve", "sleep", "100000");
  const root = `/proc/${await call("inspect", "-f", "{{.State.Pid}}", id)}/root`;
  await changeOne(root);
  const one = await timed((round) => call("commit", id, `one:${round}`));
  aptChange(root, CHANGE);
  const time = await timed((round) => call("commit", id, `app:${round}`));
  const archive = temp.join("docker.tar");
  await call("save", "-o", archive, "app:0");
  done({ name: "docker commit", time, one, lost: await losses(archive, root) });
  await call("rm", "-f", id);
}

const kinds = [...new Set(results.flatMap(({ lost }) => [...lost.keys()]))].sort();
const width = Math.max(24, ...kinds.map((kind) => kind.length));
const names = results.map(({ name }) => name.padStart(15)).join("");
console.log(`\nnot as it was, of ${CHANGE.files} files`.padEnd(width + 1) + names);
for (const kind of kinds) {
  const counts = results.map(({ lost }) => String(lost.get(kind) ?? 0).padStart(15)).join("");
  console.log(kind.padEnd(width) + counts);
}
const [varve, umoci, docker] = results as [Result, Result, Result];
assertEquals([...varve.lost], [], "varve loses nothing");
for (const { name, time } of results) figure(name, time, "ms");
for (const { name, one } of results) figure(`${name}, of one file`, one, "ms");
figure("commit of one file, on the Debian image beside a small one", beside, "×", { atMost: 1.25 });
figure("commit, as fast as umoci repack", umoci.time / varve.time, "×", { atLeast: 3 });
figure("commit, as fast as docker commit", docker.time / varve.time, "×", { atLeast: 1 });
