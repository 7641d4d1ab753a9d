/** What has to be true of containerd and varve's store when nothing goes on. */
import { mountsBelow } from "../support/machine/census.ts";
import type { ServedContainerd } from "../support/peers/served_containerd.ts";

const VARVE = ["--snapshotter", "varve"];

/** Lets containerd collect: a removal with `--sync` waits for its gc, which looks at a snapshotter that changed. */
export async function collectAll(served: ServedContainerd): Promise<void> {
  // Of clients that were killed, or whose containerd was.
  for (const lease of (await served.text(["leases", "ls", "-q"])).split("\n")) {
    if (lease !== "") await served.text(["leases", "rm", "--sync", lease]);
  }
  await served.text(["content", "prune", "references"]);
  await served.text(["snapshots", ...VARVE, "prepare", "turn"]);
  await served.text(["snapshots", ...VARVE, "rm", "turn"]);
  await served.text(["leases", "create", "--id", "turn"]);
  await served.text(["leases", "rm", "--sync", "turn"]);
}

/** What differs between the snapshots of containerd and those of the store; and what fsck finds. */
export async function agreement({ text, varve }: ServedContainerd): Promise<string[]> {
  const listed = (await text(["snapshots", ...VARVE, "ls"])).trim().split("\n").slice(1);
  const theirs = listed.map((line) => line.trim().split(/\s+/))
    .map(([key, ...more]) => `${key} ${more.at(-1)?.toLowerCase()}`).sort();
  const rows: { key: string; kind: string; scope: string }[] = await varve.json(["snapshot", "ls"]);
  const ours = rows.filter(({ scope }) => scope === "containerd")
    .map(({ key, kind }) => `${key.replace(/^[^/]+\/\d+\//, "")} ${kind}`).sort();
  const findings = [
    ...theirs.filter((row) => !ours.includes(row)).map((row) => `only containerd has ${row}`),
    ...ours.filter((row) => !theirs.includes(row)).map((row) => `only varve has ${row}`),
  ];
  if (theirs.length !== ours.length) findings.push(`${theirs.length} and ${ours.length} snapshots`);
  const { code, stdout, stderr } = await varve.any(["fsck"]);
  if (code !== 0) findings.push(`fsck: ${code}: ${stdout}${stderr}`);
  return findings;
}

/** Ends varve, and says what is left of a store whose containerd has no images and no containers any more. */
export async function cleanEnd({ varve, root, text, end }: ServedContainerd): Promise<string[]> {
  const findings: string[] = [];
  const rows: unknown[] = await varve.json(["snapshot", "ls"]);
  if (rows.length > 0) findings.push(`snapshots: ${JSON.stringify(rows)}`);
  for (const name of ["containers", "image", "content", "leases"]) {
    const left = (await text([name, "ls", "-q"])).trim();
    if (left !== "") findings.push(`${name} of containerd: ${left}`);
  }
  const { code: ended, stderr: log } = await end("SIGTERM");
  if (ended !== 0) findings.push(`varve ends with ${ended}: ${log}`);
  // A layer that a diff made, or that was begun in advance, is kept for some minutes.
  for (const { id, expires } of await varve.json(["lease", "ls"])) {
    if (!id.startsWith("containerd-layer-") || typeof expires !== "string") {
      findings.push(`lease ${id}`);
    }
    await varve.text(["lease", "rm", id]);
  }
  await varve.text(["gc"]);
  for (const mount of await mountsBelow(root)) findings.push(`mount ${mount}`);
  for (const directory of ["layers", "snapshots", "chains", "trash", "mounts", "ingest", "lost"]) {
    const left = (await namesIn(`${root}/${directory}`)).filter((name) => name !== "index.lock");
    findings.push(...left.map((name) => `${directory}/${name}`));
  }
  const { code, stdout, stderr } = await varve.any(["fsck", "--deep"]);
  if (code !== 0) findings.push(`fsck --deep: ${code}: ${stdout}${stderr}`);
  return findings;
}

/** Names in a directory; none where it is missing. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
