/** Debian's docker-registry, in a process of its own. */
import { run } from "./process.ts";
import { type TempDir, tempDir } from "./temp.ts";

/** What the tests need to run one. */
export const REGISTRY_TOOLS: readonly string[] = ["docker-registry", "skopeo", "openssl"];

/** The user of a registry with Basic authentication, and the bcrypt hash of the password. */
export const USER = {
  username: "user",
  password: "open sesame",
  hash: "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW",
} as const;

/** How a registry is set up. */
export interface RegistrySpec {
  /** Basic authentication. */
  readonly basic?: boolean;
  /** TLS, with an authority of its own. */
  readonly tls?: boolean;
}

/** A registry that runs. */
export interface RunningRegistry extends AsyncDisposable {
  /** `localhost:PORT`. */
  readonly host: string;
  /** The certificate of its authority, where it has TLS. */
  readonly ca: string;
}

/** Starts a registry on a free port of loopback. */
export async function dockerRegistry(spec: RegistrySpec = {}): Promise<RunningRegistry> {
  const temp = await tempDir("varve-registry-");
  const port = freePort();
  const host = `localhost:${port}`;
  if (spec.tls === true) await makeCertificates(temp);
  if (spec.basic === true) {
    await Deno.writeTextFile(temp.join("htpasswd"), `${USER.username}:${USER.hash}\n`);
  }
  // JSON is YAML.
  const config = {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: temp.join("data") }, delete: { enabled: true } },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(spec.tls === true
        ? { tls: { certificate: temp.join("leaf.pem"), key: temp.join("leaf.key") } }
        : {}),
    },
    ...(spec.basic === true
      ? { auth: { htpasswd: { realm: "test", path: temp.join("htpasswd") } } }
      : {}),
  };
  await Deno.writeTextFile(temp.join("config.yml"), JSON.stringify(config));
  const child = new Deno.Command("docker-registry", {
    args: ["serve", temp.join("config.yml")],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await listening(port);
  return {
    host,
    ca: temp.join("ca.pem"),
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await child.status;
      await temp[Symbol.asyncDispose]();
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

async function listening(port: number): Promise<void> {
  const until = performance.now() + 20_000;
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** An authority, and a certificate of it that is no authority itself: rustls takes no other. */
async function makeCertificates(temp: TempDir): Promise<void> {
  const openssl = (...args: string[]) => run(["openssl", ...args], { cwd: temp.path });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-subj",
    "/CN=ca",
    "-days",
    "2",
  );
  await openssl("req", ...key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost");
  await Deno.writeTextFile(
    temp.join("ext"),
    "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
  );
  const sign = ["-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  await openssl("x509", ...sign, "-out", "leaf.pem", "-days", "2", "-extfile", "ext");
}
