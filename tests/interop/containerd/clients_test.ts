/** Clients that are killed while varve works for them: their work ends, and nothing of it remains. */
import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { boxLayer } from "../../support/images/busybox_image.ts";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { cpuTimeOf } from "../../support/machine/cpu_time.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import { keptSnapshot } from "../../support/peers/ctr_images.ts";
import { serveContainerdIn, type ServedContainerd } from "../../support/peers/served_containerd.ts";
import { collect, namesIn } from "../../support/peers/served_remains.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";

const NEEDS = needs({ root: true, mount: true, tools: ["containerd", "ctr", "runc", "busybox"] });
const VARVE = ["--snapshotter", "varve"];

/** Descriptors of one worker of Deno: of its event loop, and its output. */
const PER_WORKER = 5;

/** Bytes of the file that keeps a job busy for seconds. */
const BIG = 2 ** 31;

/** A layer with a huge file of zeros, as one gzip member after the other. */
function hugeBlob(): Uint8Array<ArrayBuffer> {
  const head = tarOf([{ name: "huge", rawSize: `${BIG.toString(8).padStart(11, "0")}\0` }])
    .slice(0, 512);
  const piece = gzipSync(new Uint8Array(2 ** 26), { level: 1 });
  const members = [gzipSync(head), ...Array.from({ length: BIG / 2 ** 26 }, () => piece)];
  const out = new Uint8Array(members.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const member of members) {
    out.set(member, at);
    at += member.length;
  }
  return out;
}

/** A metric without labels. */
async function metric(served: ServedContainerd, name: string): Promise<number> {
  const text = await (await fetch(served.metrics as string)).text();
  const found = new RegExp(`^varve_${name} (\\S+)$`, "m").exec(text)?.[1];
  assert(found !== undefined, text);
  return Number(found);
}

/** What a daemon and its store hold: open files, unfinished writes, leases here and of containerd. */
async function held(served: ServedContainerd): Promise<string[]> {
  const { root, varve, pid } = served;
  const files: string[] = [];
  let ofThreads = 0;
  for (const fd of await namesIn(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    if (/^(?:anon_inode|pipe):/.test(target)) ofThreads++;
    // Connections of whoever asks for metrics are no files.
    else if (target !== "" && !target.startsWith("socket:")) files.push(target);
  }
  let workers = 0;
  for (const id of await namesIn(`/proc/${pid}/task`)) {
    const comm = await Deno.readTextFile(`/proc/${pid}/task/${id}/comm`).catch(() => "");
    if (comm.startsWith("worker-")) workers++;
  }
  const directories = ["ingest", "trash", "layers", "snapshots"];
  return [
    ...files.sort(),
    `${ofThreads - PER_WORKER * workers} descriptors of threads`,
    ...(await Promise.all(
      directories.map(async (directory) =>
        (await namesIn(`${root}/${directory}`)).map((name) => `${directory}/${name}`)
      ),
    )).flat(),
    ...(await varve.json(["lease", "ls"])).map(({ id }: { id: string }) => id),
    await served.text(["leases", "ls"]),
    await served.text(["content", "active"]),
    `${await metric(served, "jobs_running")} jobs`,
  ];
}

/** CPU seconds that a job may use after its client is gone. The whole job takes several. */
const MOST_SECONDS = 1;

/** Starts `ctr`, kills it as soon as something is so, and waits until the jobs of varve have ended. */
async function killOnce(
  served: ServedContainerd,
  args: readonly string[],
  what: string,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const [program = "", ...rest] = [...served.ctr, ...args];
  const client = new Deno.Command(program, {
    args: rest,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await waitUntil(what, isSo);
  const before = await cpuTimeOf(served.pid);
  client.kill("SIGKILL");
  await client.status;
  await waitUntil("the end of the job", async () => await metric(served, "jobs_running") === 0);
  const used = (await cpuTimeOf(served.pid) - before) / 1000;
  assert(used <= MOST_SECONDS, `the job used ${used} more CPU seconds`);
}

Deno.test({
  name: "a client that is killed during an unpack or a diff leaves nothing",
  ...NEEDS,
  fn: async (test) => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path, {
      args: ["--metrics", "127.0.0.1:0"],
    });
    const write = async (name: string, image: ReturnType<typeof buildImage>) =>
      await Deno.writeFile(temp.join(name), archiveTar(ociFiles([image])));
    const box = buildImage({ name: "example.org/box:1", layers: [await boxLayer()] });
    await write("box.tar", box);
    // Nobody sees that its diffID is wrong.
    const layers = [tarOf([{ name: "a" }])];
    await write(
      "huge.tar",
      buildImage({ name: "example.org/huge:1", layers, blobs: [hugeBlob()] }),
    );
    await served.text(["image", "import", ...VARVE, temp.join("box.tar")]);
    // The snapshot needs the composed image of the chain, so that is made now, and not in some idle moment.
    await keptSnapshot(served, "prepare", "big", box.chainId);

    const works = async () => await metric(served, "jobs_running") > 0;
    const isWritten = async () =>
      (await served.text(["content", "active"])).trim().split("\n").length > 1;

    await test.step("during Apply", () =>
      leavesNothing(served, async () => {
        const unpack = ["image", "import", ...VARVE, temp.join("huge.tar")];
        await killOnce(served, unpack, "a job", works);
        await served.any(["image", "rm", "--sync", "example.org/huge:1"]);
      }));

    const rows: { key: string; cacheId: number }[] = await served.varve.json(["snapshot", "ls"]);
    const upper = rows.find(({ key }) => key.endsWith("/big"))?.cacheId;
    await Deno.writeFile(`${served.root}/snapshots/${upper}/fs/huge`, new Uint8Array());
    await Deno.truncate(`${served.root}/snapshots/${upper}/fs/huge`, BIG / 8);
    const diff = ["snapshots", ...VARVE, "diff", "big"];
    await test.step("during Diff, while the snapshot is read", () =>
      leavesNothing(served, () => killOnce(served, diff, "a job", works)));
    await test.step("during Diff, while the layer is written to containerd", () =>
      leavesNothing(served, () => killOnce(served, diff, "an ingest of containerd", isWritten)));
  },
});

/** Rounds in which something could be left. */
const TURNS = 2;

/** Checks that what is killed leaves nothing. What varve opens at the first time it may keep. */
async function leavesNothing(served: ServedContainerd, kill: () => Promise<void>): Promise<void> {
  const rest = async () => {
    for (const lease of (await served.text(["leases", "ls", "-q"])).split("\n")) {
      // A killed ctr has left its own lease, which ends after a day.
      if (lease === "" || lease.startsWith("varve-")) continue;
      await served.text(["leases", "rm", "--sync", lease]);
    }
    await collect(served);
  };
  await kill();
  await rest();
  const before = await held(served);
  for (let turn = 0; turn < TURNS; turn++) {
    await kill();
    await rest();
  }
  let after: string[] = [];
  const isSame = async () => {
    after = await held(served);
    return after.join("\n") === before.join("\n");
  };
  // Threads take a moment to end.
  await waitUntil("what was before", isSame, { deadline: PATIENCE }).catch(() => {});
  assertEquals(after, before);
  for (const line of after) assert(!/^(?:varve-|containerd-layer-)/.test(line), line);
}

/** Milliseconds; only a test that fails waits so long. */
const PATIENCE = 60_000;
