/** Helpers for the cases of the distribution specification. */
import { assertEquals } from "@std/assert";
import { type BuiltImage, jsonBytes, sha256Of } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";

/** An answer with its whole body. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Headers and body of a request. */
export interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const INDEX = "application/vnd.oci.image.index.v1+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const CONFIG = "application/vnd.oci.image.config.v1+json";
export const EMPTY = "application/vnd.oci.empty.v1+json";

/** A registry under test. */
export class Api {
  readonly base: string;

  constructor(base: string) {
    this.base = base;
  }

  /** Sends one request; redirects are not followed. */
  async send(method: string, path: string, { headers, body }: Sent = {}): Promise<Reply> {
    const response = await fetch(new URL(path, this.base), {
      method,
      redirect: "manual",
      headers: { "accept-encoding": "identity", ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, bytes };
  }

  /** Begins an upload; gives its address. */
  async begin(name: string): Promise<string> {
    const reply = await this.send("POST", `/v2/${name}/blobs/uploads/`, EMPTY_BODY);
    assertEquals(reply.status, 202);
    return this.location(reply);
  }

  /** The address in `Location`, absolute. */
  location({ headers }: Reply): string {
    return new URL(headers.get("location") ?? "", this.base).href;
  }

  /** Uploads a blob by POST and PUT; gives its descriptor. */
  async pushBlob(
    name: string,
    bytes: Uint8Array<ArrayBuffer>,
    mediaType: string = "application/octet-stream",
  ): Promise<{ mediaType: string; digest: string; size: number }> {
    const digest = sha256Of(bytes);
    const address = withDigest(await this.begin(name), digest);
    const reply = await this.send("PUT", address, { ...OCTETS, body: bytes });
    assertEquals(reply.status, 201);
    return { mediaType, digest, size: bytes.length };
  }

  /** Puts a document. */
  put(
    name: string,
    reference: string,
    bytes: Uint8Array<ArrayBuffer>,
    type: string = MANIFEST,
  ): Promise<Reply> {
    return this.send("PUT", `/v2/${name}/manifests/${reference}`, {
      headers: { "content-type": type },
      body: bytes,
    });
  }

  /** Pushes an artifact without layers of its own; gives its bytes and digest. */
  async pushArtifact(
    name: string,
    reference: string | undefined,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<{ bytes: Uint8Array<ArrayBuffer>; digest: string; reply: Reply }> {
    const config = await this.pushBlob(name, jsonBytes({}), EMPTY);
    const bytes = jsonBytes({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config,
      layers: [config],
      ...fields,
    });
    const digest = sha256Of(bytes);
    const reply = await this.put(name, reference ?? digest, bytes);
    assertEquals(reply.status, 201);
    return { bytes, digest, reply };
  }
}

export const OCTETS = { headers: { "content-type": "application/octet-stream" } } as const;
export const EMPTY_BODY: Sent = { body: new Uint8Array(0) };

/** The address of the PUT that completes an upload. */
export function withDigest(address: string, digest: string): string {
  const url = new URL(address);
  url.searchParams.set("digest", digest);
  return url.href;
}

/** The code of the first error of an error document. */
export function codeOf({ bytes }: Reply): unknown {
  return jsonOf(bytes).errors?.[0]?.code;
}

/** JSON of a body. */
// deno-lint-ignore no-explicit-any
export function jsonOf(bytes: Uint8Array): any {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Bytes of a text. */
export function textBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** A test case for an empty registry. */
export type Case = (api: Api) => Promise<void>;

/** Cases by their titles. */
export type Cases = Readonly<Record<string, Case>>;

export const NAME = "team/app";
export const BLOB: Uint8Array<ArrayBuffer> = textBytes("Hello, how are you today?");
export const BLOB_DIGEST: string = sha256Of(BLOB);
/** A digest that no case pushes. */
export const NOTHING: string = sha256Of("nothing that is here");

/** Pushes the sample image. */
export async function pushSample(
  api: Api,
  name: string = NAME,
  tag: string = "1",
): Promise<{ image: BuiltImage; reply: Reply }> {
  const image = sampleImage();
  for (const { blob } of image.layers) await api.pushBlob(name, blob);
  await api.pushBlob(name, image.config);
  const reply = await api.put(name, tag, image.manifest);
  assertEquals(reply.status, 201);
  return { image, reply };
}

/** The address of the next page. */
export function nextOf({ headers }: Reply): string {
  return /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1] ?? "";
}
