/**
 * A registry over the store (OCI distribution-spec 1.1), on loopback: every container engine of this
 * machine can pull what the store holds, and push into it.
 *
 * A request passes through three layers:
 *
 * 1. **Network to values.** `serve.ts` listens with `node:http`, refuses requests of web pages, and turns
 *    each request into a `RegistryRequest`; `node_http.ts` reads and writes bodies with time-outs.
 * 2. **Routes.** `routes.ts` says what a path names: a manifest, a blob, an upload, a list. `registry.ts`
 *    dispatches, and works without a network. A `Refusal` that is thrown becomes an error response.
 * 3. **Catalog to store.** `Catalog` shows the image names of the store as repositories with tags and
 *    digests; `repository_name.ts` converts the names both ways. `Manifests`, `Blobs` and the lists answer
 *    from it. `Uploads` keeps uploaded blobs as files until a manifest names them. Then `put_manifest.ts`
 *    verifies and unpacks the image, and one commit of the store makes it visible.
 *
 * @module
 */
export type { RegistryServer, ServedRequest, ServeRegistryOptions } from "./contract.ts";
export { serveRegistry } from "./serve.ts";
