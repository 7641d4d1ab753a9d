/** Clients that say GOAWAY, as those do that close a connection or have been idle for long. */
import { assertEquals } from "@std/assert";
import { createGrpcClient } from "../../../../lib/containerd/grpc/grpc_client.ts";
import { Snapshots } from "../../../../lib/containerd/proto/generated/snapshots_pb.ts";
import { served } from "../../../support/containerd/served.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const SETTINGS = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/** The frame, with the last stream 0 (RFC 9113, 6.8). */
function goaway(code: number): number[] {
  return [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, code];
}

Deno.test("a daemon lives on when clients say GOAWAY", async () => {
  await using temp = await tempDir();
  const socket = temp.join("s");
  await using daemon = await served(temp.join("store"), {
    args: ["--socket", socket, "--containerd", temp.join("nobody")],
    // glibc overwrites what is freed, so that a use of it is seen.
    env: { MALLOC_PERTURB_: "165" },
  });
  for (const code of [0, 1, 2]) {
    using connection = await Deno.connect({ transport: "unix", path: socket });
    await connection.write(new Uint8Array([...PREFACE, ...SETTINGS, ...goaway(code)]));
    const answer = new Uint8Array(1024);
    // The daemon closes the connection. If it dies, the connection may be reset.
    while (await connection.read(answer).catch(() => null) !== null);
  }
  for (let i = 0; i < 2; i++) {
    // It says GOAWAY, too, when it is closed.
    using client = await createGrpcClient(socket);
    assertEquals(await Array.fromAsync(client.stream(Snapshots.method.list, {})), []);
  }
  assertEquals((await daemon.end("SIGTERM")).code, 0);
});
