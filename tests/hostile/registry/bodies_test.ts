/** Small bodies that break in the middle: the request is retried. */
import { assertEquals } from "@std/assert";
import { parseDigest } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { addToReferrersTag } from "../../../lib/registry/client/list/referrers_tag.ts";
import { Transport } from "../../../lib/registry/client/transport.ts";
import { RegistryClient } from "../../../lib/registry/mod.ts";
import { jsonBytes, sha256Of } from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import {
  type Answer,
  bearerAnswer,
  configFor,
  Servers,
} from "../../support/registry/hostile_registry.ts";

const image = sampleImage();
const subject = parseDigest(sha256Of(jsonBytes("the subject")));
const INDEX = "application/vnd.oci.image.index.v1+json";
const index = jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests: [image.descriptor] });

/** Serves bodies by path and page. Each is cut in half the first `times` times; `asked` counts the requests. */
function breaking(bodies: Record<string, [Uint8Array<ArrayBuffer>, Record<string, string>]>) {
  const state = { times: 0, asked: 0 };
  const left = new Map<string, number>();
  const answer: Answer = (_, { pathname, searchParams }) => {
    const key = pathname + (searchParams.get("last") ?? "");
    const [bytes, headers] = bodies[key] ?? [];
    if (bytes === undefined) return undefined;
    state.asked++;
    const times = left.get(key) ?? state.times;
    left.set(key, times - 1);
    if (times <= 0) return new Response(bytes, { headers: headers ?? {} });
    // Short of its length, and so the connection is cut.
    const half = ReadableStream.from([bytes.subarray(0, bytes.length / 2)]);
    return new Response(half, { headers: { ...headers, "content-length": `${bytes.length}` } });
  };
  const begin = (times: number) => {
    left.clear();
    [state.times, state.asked] = [times, 0];
  };
  return { answer, state, begin };
}

async function outcome(act: () => Promise<unknown>): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

Deno.test("H29 a manifest, a list or a token that breaks in the middle is retried, up to the limit", async () => {
  await using servers = new Servers();
  const tag = `/v2/app/manifests/${subject.replace(":", "-")}`;
  const { answer, state, begin } = breaking({
    "/v2/app/manifests/1": [image.manifest, { "content-type": image.descriptor.mediaType }],
    "/v2/app/tags/list": [
      jsonBytes({ tags: ["a"] }),
      { link: '</v2/app/tags/list?last=a>; rel="next"' },
    ],
    "/v2/app/tags/lista": [jsonBytes({ tags: ["b"] }), {}],
    [`/v2/app/referrers/${subject}`]: [index, {}],
    [tag]: [index, { "content-type": INDEX }],
    "/token": [jsonBytes({ token: "TOKEN-1" }), {}],
  });
  const open = servers.start(answer);
  const guarded: string = servers.start(
    (request, url) => url.pathname === "/token" ? answer(request, url) : undefined,
    bearerAnswer("TOKEN-1", () => `${guarded}/token`),
    () => new Response(image.manifest),
  );
  const { digest } = image.descriptor;
  const cases: [
    name: string,
    ok: unknown,
    origin: string,
    ask: (client: RegistryClient) => Promise<unknown>,
  ][] = [
    [
      "manifest",
      digest,
      open,
      async (client) => (await client.manifest({ repository: "app", tag: "1" })).digest,
    ],
    ["tags", ["a", "b"], open, (client) => client.tags("app")],
    ["referrers", 1, open, async (client) => (await client.referrers("app", subject)).length],
    [
      "token",
      digest,
      guarded,
      async (client) => (await client.manifest({ repository: "app", tag: "2" })).digest,
    ],
    ["referrers tag", undefined, open, async () => {
      using transport = new Transport(configFor(open));
      const endpoint = configFor(open).endpoints[0]!;
      await addToReferrersTag(
        { transport, endpoint, repository: "app" },
        { digest: subject },
        image.descriptor as never,
      );
    }],
  ];
  for (const [name, ok, origin, ask] of cases) {
    begin(2);
    using client = new RegistryClient(configFor(origin));
    assertEquals(await outcome(() => ask(client)), ok, name);
    begin(100);
    using other = new RegistryClient(configFor(origin));
    assertEquals(await outcome(() => ask(other)), "E_REGISTRY", name);
    assertEquals(state.asked, 3, name);
  }
});

Deno.test("H29 a mirror whose manifest breaks in the middle is not retried", async () => {
  await using servers = new Servers();
  const body: [Uint8Array<ArrayBuffer>, Record<string, string>] = [image.manifest, {}];
  const { answer, state, begin } = breaking({ "/v2/app/manifests/1": body });
  const mirror = servers.start(answer);
  const own = servers.start(() => new Response(image.manifest));
  begin(100);
  using client = new RegistryClient(configFor([mirror, own]));
  const { digest } = await client.manifest({ repository: "app", tag: "1" });
  assertEquals(digest as string, image.descriptor.digest);
  assertEquals(state.asked, 1);
});
