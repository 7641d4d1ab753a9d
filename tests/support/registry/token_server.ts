/** A token server for Debian's docker-registry (distribution, "token" and "oauth"), on loopback. */
import { run } from "../machine/process.ts";
import { tempDir } from "../machine/temp_dir.ts";

/** Which users there are, and what they may do. */
export interface TokenSpec {
  /** Passwords by name. */
  readonly users: Readonly<Record<string, string>>;
  /** Whether a user, or an anonymous client (`null`), gets an action. When absent, users get all and others `pull`. */
  readonly grant?: (user: string | null, repository: string, action: string) => boolean;
}

/** A request for a token. */
export interface Asked {
  readonly method: string;
  /** The user; `null` for an anonymous client. */
  readonly user: string | null;
  /** What the client proved its user by. */
  readonly by: "nothing" | "password" | "refresh";
  /** The scopes of the request, in its order. */
  readonly scopes: readonly string[];
  readonly status: number;
}

/** A token server that runs. */
export interface TokenServer extends AsyncDisposable {
  /** The section `auth.token` of a registry's configuration. */
  readonly config: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly rootcertbundle: string;
  };
  /** All requests so far. */
  readonly asked: readonly Asked[];
  /** All tokens and refresh tokens that it gave. */
  readonly given: readonly string[];
  /** Makes a refresh token, as a login with `offline_token` does. */
  refreshToken(user: string): string;
  /** Makes a token whose time is over. */
  expired(): Promise<string>;
}

const SERVICE = "the registry";
const ISSUER = "the token server";
/** Seconds that a token lasts. */
const LIFE = 300;

/** Starts a token server. */
export async function tokenServer({ users, grant = byDefault }: TokenSpec): Promise<TokenServer> {
  const temp = await tempDir("varve-tokens-");
  const sign = await signer(temp.path);
  const asked: Asked[] = [];
  const given: string[] = [];
  const refreshTokens = new Map<string, string>();
  const refreshToken = (user: string) => {
    const token = `REFRESH-${crypto.randomUUID()}`;
    refreshTokens.set(token, user);
    given.push(token);
    return token;
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const url = new URL(request.url);
      if (url.pathname !== "/token") return new Response("", { status: 404 });
      const form = request.method === "POST"
        ? new URLSearchParams(await request.text())
        : url.searchParams;
      const scopes = form.getAll("scope").flatMap((one) => one.split(" ")).filter((one) => one);
      const who = identify(request, form, users, refreshTokens);
      const note = (status: number) =>
        asked.push({
          method: request.method,
          user: who?.user ?? null,
          by: who?.by ?? "nothing",
          scopes,
          status,
        });
      if (who === undefined || form.get("service") !== SERVICE) {
        note(401);
        return Response.json({ errors: [{ code: "UNAUTHORIZED" }] }, { status: 401 });
      }
      note(200);
      const token = await sign(who.user, accessOf(who.user, scopes, grant), LIFE);
      given.push(token);
      const offline = form.get("offline_token") === "true" && who.user !== null;
      return Response.json({
        [request.method === "POST" ? "access_token" : "token"]: token,
        expires_in: LIFE,
        issued_at: new Date().toISOString(),
        ...(offline ? { refresh_token: refreshToken(who.user) } : {}),
      });
    },
  );
  return {
    config: {
      realm: `http://localhost:${server.addr.port}/token`,
      service: SERVICE,
      issuer: ISSUER,
      rootcertbundle: temp.join("cert.pem"),
    },
    asked,
    given,
    refreshToken,
    expired: () => sign(null, [], -3600),
    async [Symbol.asyncDispose](): Promise<void> {
      await server.shutdown();
      await temp[Symbol.asyncDispose]();
    },
  };
}

function byDefault(user: string | null, _: string, action: string): boolean {
  return user !== null || action === "pull";
}

/** Who asks; `undefined` when the credentials are wrong. */
function identify(
  request: Request,
  form: URLSearchParams,
  users: TokenSpec["users"],
  refreshTokens: ReadonlyMap<string, string>,
): Pick<Asked, "user" | "by"> | undefined {
  if (form.get("grant_type") === "refresh_token") {
    const user = refreshTokens.get(form.get("refresh_token") ?? "");
    return user === undefined ? undefined : { user, by: "refresh" };
  }
  const basic = /^Basic (.*)$/.exec(request.headers.get("authorization") ?? "");
  const [user, password] = form.get("grant_type") === "password"
    ? [form.get("username") ?? "", form.get("password")]
    : basic === null
    ? [null, null]
    : atob(basic[1] as string).split(/:(.*)/s);
  if (user === null) return { user: null, by: "nothing" };
  return users[user as string] === password ? { user: user as string, by: "password" } : undefined;
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

function accessOf(
  user: string | null,
  scopes: readonly string[],
  grant: NonNullable<TokenSpec["grant"]>,
): Access[] {
  return scopes.map((scope) => {
    const [, type = "", name = "", actions = ""] = /^([a-z]+):(.*):([a-z,*]*)$/.exec(scope) ?? [];
    return { type, name, actions: actions.split(",").filter((one) => grant(user, name, one)) };
  });
}

/** Makes a key with a certificate, and signs tokens with it (RFC 7515, "x5c"). */
async function signer(
  directory: string,
): Promise<(user: string | null, access: readonly Access[], life: number) => Promise<string>> {
  await run([
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    "key.pem",
    "-out",
    "cert.pem",
    "-subj",
    "/CN=tokens",
    "-days",
    "2",
  ], { cwd: directory });
  const body = async (name: string) =>
    (await Deno.readTextFile(`${directory}/${name}`)).replace(/-----.*?-----|\s/g, "");
  const key = await crypto.subtle.importKey(
    "pkcs8",
    Uint8Array.from(atob(await body("key.pem")), (char) => char.charCodeAt(0)),
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign"],
  );
  const header = { typ: "JWT", alg: "ES256", x5c: [await body("cert.pem")] };
  return async (user, access, life) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: ISSUER,
      sub: user ?? "",
      aud: SERVICE,
      exp: now + life,
      nbf: now - 7200,
      iat: now - 7200,
      jti: crypto.randomUUID(),
      access,
    };
    const text = [header, claims].map((part) => base64url(utf8(JSON.stringify(part)))).join(".");
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    const signature = await crypto.subtle.sign(algorithm, key, utf8(text));
    return `${text}.${base64url(new Uint8Array(signature))}`;
  };
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_")
    .replace(/=+$/, "");
}
