/**
 * Loads grpc-js. It reads the environment when it is loaded, so no module of varve imports it at its start.
 *
 * It is a CommonJS module. A bundler may make it a module that has only a default export.
 */
export async function loadGrpc(): Promise<typeof import("@grpc/grpc-js")> {
  const module: Loaded = await import("@grpc/grpc-js");
  return module.default ?? module;
}

type Loaded = typeof import("@grpc/grpc-js") & {
  readonly default?: typeof import("@grpc/grpc-js") | undefined;
};
