import { assertEquals } from "@std/assert";
import {
  copyImage,
  openMemoryStore,
  parseReference,
  pullImage,
  pushImage,
} from "../../../../mod.ts";
import { importImage } from "../../../../lib/image/mod.ts";
import { remoteReference } from "../../../../lib/registry/transfer/remote_reference.ts";
import { codeOf } from "../../../support/code_of.ts";

const SENT = parseReference("docker.io/library/app:1");

Deno.test("a registry without a repository is no image of Docker Hub", async () => {
  const registries = ["localhost", "localhost:5000", "ghcr.io", "127.0.0.1:5000", "a.example:5000"];
  for (const text of [...registries, "index.docker.io", "ghcr.io:latest"]) {
    assertEquals([text, await codeOf(() => remoteReference(text, "pull"))], [text, "E_USAGE"]);
  }
  // A name with a port is ambiguous: it may be a tag of what is pulled, but nobody pushes to it.
  assertEquals(await codeOf(() => remoteReference("registry:5000", "push to", SENT)), "E_USAGE");
  for (const text of ["debian", "debian:12", "registry:5000", "ghcr.io/o/app", "localhost/app"]) {
    assertEquals(remoteReference(text, "pull"), parseReference(text));
  }
  for (const text of ["app:1", "app:2.0", "app", "docker.io/library/app:2024", "r:5000/app"]) {
    assertEquals(remoteReference(text, "push to", SENT), parseReference(text));
  }
});

Deno.test("functions of the library refuse a registry without a repository", async () => {
  await using store = openMemoryStore();
  await importImage(store, new Blob([new Uint8Array(1024)]).stream(), {
    name: "app:1",
    platform: { os: "linux", architecture: "amd64" },
  });
  const registry = "localhost:5000";
  assertEquals(await codeOf(() => pushImage(store, "app:1", registry)), "E_USAGE");
  assertEquals(await codeOf(() => pullImage(store, registry)), "E_USAGE");
  assertEquals(await codeOf(() => copyImage("localhost:1/a", registry)), "E_USAGE");
  assertEquals(await codeOf(() => copyImage(registry, "localhost:1/a")), "E_USAGE");
});
