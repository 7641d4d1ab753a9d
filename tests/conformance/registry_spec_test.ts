/** The distribution specification against varve's registry, and against Debian's docker-registry 2.8. */
import { serveRegistry } from "../../lib/registry_server/mod.ts";
import { openMemoryStore } from "../../lib/store/mod.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { dockerRegistry, REGISTRY_TOOLS } from "../support/registry/docker_registry.ts";
import { servedStore } from "../support/registry/served_store.ts";
import { registryConformance } from "./registry_spec.ts";
import { DOCKER_REGISTRY } from "./registry_spec_docker.ts";

registryConformance("registry serve", async () => {
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir());
  const { url } = stack.use(await servedStore(temp.join("store")));
  return owned(url, stack.move());
});

registryConformance("serveRegistry, memory store", async () => {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await serveRegistry(stack.use(openMemoryStore())));
  return owned(url, stack.move());
});

registryConformance("docker-registry", async () => {
  const registry = await dockerRegistry();
  return {
    url: `http://${registry.host}`,
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}, { ...needs({ tools: REGISTRY_TOOLS }), deviations: DOCKER_REGISTRY });

function owned(url: string, stack: AsyncDisposableStack) {
  return { url, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
