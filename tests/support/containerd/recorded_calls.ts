/**
 * Calls as containerd 2.x makes them, which is not in Debian: values with their numbers of fields and their labels, to
 * be sent over the socket of a daemon. The blobs are in a real containerd.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { assertEquals } from "@std/assert";
import {
  type Info,
  ListSnapshotsResponseSchema,
  PrepareSnapshotResponseSchema,
  StatSnapshotResponseSchema,
} from "../../../lib/containerd/proto/generated/snapshots_pb.ts";
import type { Mount } from "../../../lib/containerd/proto/generated/types_pb.ts";
import { archiveTar, type BuiltImage, ociFiles } from "../images/images.ts";
import { run } from "../machine/process.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";
import { serveContainerdIn, type ServedContainerd } from "../peers/served_containerd.ts";
import { type Wire, type WireAnswer, type WireClient, wireClient, wireMap } from "./wire.ts";

/** Full name of the service of the snapshotter. */
export const SNAPSHOTS = "containerd.services.snapshots.v1.Snapshots";
/** Full name of the service of the differ. */
export const DIFF = "containerd.services.diff.v1.Diff";
/** The namespace of Kubernetes. */
export const NAMESPACE = "k8s.io";
const LEASE = "recorded";
/** Metadata of each call. The lease is there. */
export const HEADERS: Readonly<Record<string, string>> = {
  "containerd-namespace": NAMESPACE,
  "containerd-lease": LEASE,
};
/** Media type of the layers. */
export const GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";

/** gRPC's codes. */
export const CODE = {
  OK: 0,
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
} as const;

/** A daemon, and what calls it. */
export interface Recorded extends AsyncDisposable {
  readonly served: ServedContainerd;
  readonly temp: TempDir;
  /** Calls a method of the snapshotter. */
  snapshots(method: string, message: Wire): Promise<WireAnswer>;
  /** Calls a method of the differ. */
  diff(method: string, message: Wire): Promise<WireAnswer>;
  readonly wire: WireClient;
}

/** A daemon, and what calls it. The blobs of an image are in containerd. */
export async function recorded(args: readonly string[] = []): Promise<Recorded> {
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir("varve-test-", "/var/tmp"));
  const served = stack.use(await serveContainerdIn(temp.path, { args }));
  await served.text(["-n", NAMESPACE, "leases", "create", "--id", LEASE]);
  const wire = stack.use(await wireClient(temp.join("varve.sock")));
  const owned = stack.move();
  return {
    served,
    temp,
    wire,
    snapshots: (method, message) => wire.call(`${SNAPSHOTS}/${method}`, message, HEADERS),
    diff: (method, message) => wire.call(`${DIFF}/${method}`, message, HEADERS),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Puts the blobs of an image into containerd, and unpacks nothing. */
export async function storeBlobs({ served, temp }: Recorded, built: BuiltImage): Promise<void> {
  await Deno.writeFile(temp.join("image.tar"), archiveTar(ociFiles([built])));
  await served.text(["-n", NAMESPACE, "image", "import", "--no-unpack", temp.join("image.tar")]);
}

/** Labels of the snapshot of a layer: from 2.3 on they say the diffID, and of which chain the parent is. */
export function labelsOf(
  { layers, name, descriptor }: BuiltImage,
  at: number,
): Record<string, string> {
  const cri = "containerd.io/snapshot/cri.";
  const rest = layers.slice(at).map(({ descriptor }) => descriptor.digest);
  const parent = layers[at - 1]?.chainId;
  return {
    [`${cri}image-ref`]: name as string,
    [`${cri}manifest-digest`]: descriptor.digest,
    [`${cri}layer-digest`]: rest[0] as string,
    [`${cri}image-layers`]: rest.join(","),
    "containerd.io/snapshot.ref": layers[at]?.chainId as string,
    "containerd.io/snapshot/diff-id": layers[at]?.diffId as string,
    ...(parent === undefined ? {} : { "containerd.io/snapshot/parent-chain-id": parent }),
  };
}

/** The key under which a layer is unpacked. */
export function keyOf({ layers }: BuiltImage, at: number): string {
  return `${NAMESPACE}/${at + 1}/extract-48213977${at}-x_4A ${layers[at]?.chainId}`;
}

/** The name of the committed snapshot of a layer. */
export function nameOf({ layers }: BuiltImage, at: number): string {
  return `${NAMESPACE}/${at + 11}/${layers[at]?.chainId}`;
}

/** Prepare, as 2.3 asks for a layer that it unpacks beside others: no parent. */
export function prepareOf(built: BuiltImage, at: number): Wire {
  return { 1: "varve", 2: keyOf(built, at), 4: wireMap(labelsOf(built, at)) };
}

/** Commit, which then names the parent. */
export function commitOf(built: BuiltImage, at: number): Wire {
  return {
    1: "varve",
    2: nameOf(built, at),
    3: keyOf(built, at),
    4: wireMap(labelsOf(built, at)),
    5: at === 0 ? undefined : nameOf(built, at - 1),
  };
}

/** Apply of a layer to the mounts of its snapshot. */
export function applyOf({ layers }: BuiltImage, at: number, mounts: readonly Mount[]): Wire {
  const { digest, size } = layers[at]?.descriptor as { digest: string; size: number };
  return {
    1: { 1: GZIP, 2: digest, 3: size, 5: wireMap({ "org.example.note": "kept from nobody" }) },
    2: mounts.map(mountWire),
    3: [{ 1: "io.containerd.ocicrypt.v1.payload", 2: { 1: "example.org/Payload", 2: "keys" } }],
  };
}

export function mountWire({ type, source, target, options }: Mount): Wire {
  return { 1: type, 2: source, 3: target === "" ? undefined : target, 4: options };
}

/** The one message of an answer that must be a success. */
export function only({ code, message, messages }: WireAnswer): Uint8Array {
  assertEquals([code, message, messages.length], [CODE.OK, "", 1]);
  return messages[0] as Uint8Array;
}

export async function prepared(it: Recorded, message: Wire): Promise<Mount[]> {
  return fromBinary(
    PrepareSnapshotResponseSchema,
    only(await it.snapshots("Prepare", message)),
  ).mounts;
}

export async function stat(it: Recorded, key: string): Promise<Info> {
  const answer = only(await it.snapshots("Stat", { 1: "varve", 2: key }));
  return fromBinary(StatSnapshotResponseSchema, answer).info as Info;
}

export async function listed(it: Recorded, ...filters: string[]): Promise<Info[]> {
  const { code, messages } = await it.snapshots("List", { 1: "varve", 2: filters });
  assertEquals(code, CODE.OK);
  return messages.flatMap((message) => fromBinary(ListSnapshotsResponseSchema, message).info);
}

/** Looks at a file tree that mounts make. */
export async function looked(
  it: Recorded,
  mounts: readonly Mount[],
  script: string,
): Promise<string> {
  assertEquals(mounts.length, 1);
  const { type, source, options } = mounts[0] as Mount;
  const target = it.temp.join("mounted");
  await Deno.mkdir(target, { recursive: true });
  const kind = type === "bind" ? [] : ["-t", type];
  await run(["mount", ...kind, "-o", options.join(","), source, target]);
  try {
    return (await run(["sh", "-c", script], { cwd: target })).stdout;
  } finally {
    await run(["umount", target]);
  }
}
