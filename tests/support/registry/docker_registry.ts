/** Debian's docker-registry as a process. */
import { run } from "../machine/process.ts";
import { waitUntil } from "../machine/wait.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";

/** Programs that tests with a docker-registry need. */
export const REGISTRY_TOOLS: readonly string[] = ["docker-registry", "skopeo", "openssl"];

/** The user of a registry with Basic authentication, and the bcrypt hash of the password. */
export const USER = {
  username: "user",
  password: "open sesame",
  hash: "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW",
} as const;

/** How a registry is set up. */
export interface RegistrySpec {
  /** Whether it asks for a user and a password. */
  readonly basic?: boolean;
  /** Whether it has TLS, with an authority of its own. */
  readonly tls?: boolean;
  /** Whether it has TLS and asks for a client's certificate of the same authority. */
  readonly clients?: boolean;
  /** The section `auth.token` of its configuration, for Bearer authentication. */
  readonly token?: Readonly<Record<string, string>>;
}

/** A registry that runs. */
export interface RunningRegistry extends AsyncDisposable {
  /** `localhost:PORT`. */
  readonly host: string;
  /** The certificate of its authority, where it has TLS. */
  readonly ca: string;
  /** A certificate of its authority for a client, with its key in the same file, where it has TLS. */
  readonly client: string;
  /** What clients have asked for since the last call, in no certain order, like `GET /v2/box/blobs/sha256:…`. Without TLS only. */
  requests(): Promise<string[]>;
}

/** Starts a registry on a free port of loopback. */
export async function dockerRegistry(spec: RegistrySpec = {}): Promise<RunningRegistry> {
  const temp = await tempDir("varve-registry-");
  const tls = spec.tls === true || spec.clients === true;
  if (tls) await makeCertificates(temp);
  if (spec.basic === true) {
    await Deno.writeTextFile(temp.join("htpasswd"), `${USER.username}:${USER.hash}\n`);
  }
  // JSON is YAML.
  const config = {
    version: 0.1,
    log: { level: "info", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: temp.join("data") }, delete: { enabled: true } },
    http: {
      addr: "127.0.0.1:0",
      ...(tls
        ? {
          tls: {
            certificate: temp.join("leaf.pem"),
            key: temp.join("leaf.key"),
            ...(spec.clients === true ? { clientcas: [temp.join("ca.pem")] } : {}),
          },
        }
        : {}),
    },
    ...(spec.basic === true
      ? { auth: { htpasswd: { realm: "test", path: temp.join("htpasswd") } } }
      : {}),
    ...(spec.token === undefined ? {} : { auth: { token: spec.token } }),
  };
  await Deno.writeTextFile(temp.join("config.yml"), JSON.stringify(config));
  const child = new Deno.Command("docker-registry", {
    args: ["serve", temp.join("config.yml")],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { port, ended, lines } = await listening(child.stderr);
  const host = `localhost:${port}`;
  return {
    host,
    requests: () => requestsIn(lines, host),
    ca: temp.join("ca.pem"),
    client: temp.join("client.pem"),
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await child.status;
      await ended;
      await temp[Symbol.asyncDispose]();
    },
  };
}

/** Reads the port from the log. The log is read to its end, or the registry would stop at a full pipe. */
async function listening(
  log: ReadableStream<Uint8Array>,
): Promise<{
  readonly port: string;
  readonly ended: Promise<void>;
  readonly lines: string[];
}> {
  const told = Promise.withResolvers<string>();
  const lines: string[] = [];
  const ended = (async () => {
    let rest = "";
    for await (const text of log.pipeThrough(new TextDecoderStream())) {
      const whole = (rest + text).split("\n");
      rest = whole.pop() as string;
      lines.push(...whole);
      const port = /listening on 127\.0\.0\.1:([0-9]+)/.exec(whole.join("\n"))?.[1];
      if (port !== undefined) told.resolve(port);
    }
    told.reject(new Error(`Cannot start docker-registry: ${lines.join("\n").slice(-4000)}`));
  })();
  return { port: await told.promise, ended, lines };
}

/** Takes the requests out of a registry's log. */
async function requestsIn(lines: string[], host: string): Promise<string[]> {
  // A request is logged after its answer. So the last one that anybody made is this one.
  const mark = `/v2/${crypto.randomUUID()}/tags/list`;
  await (await fetch(`http://${host}${mark}`)).body?.cancel();
  await waitUntil("the log of the registry", () => lines.some((line) => line.includes(mark)));
  const requests = lines.splice(0).flatMap((line) => {
    const method = /http\.request\.method=(\S+)/.exec(line)?.[1];
    const uri = /http\.request\.uri="?([^\s"]+)/.exec(line)?.[1];
    return method === undefined || uri === undefined || uri === mark ? [] : [`${method} ${uri}`];
  });
  return [...new Set(requests)];
}

/**
 * Makes an authority (`ca.pem`) and certificates of it that are no authorities, for rustls takes no other:
 * `leaf.pem` with `leaf.key` for localhost and registry.test, `client.pem` with its key in the same file.
 */
export async function makeCertificates(temp: TempDir): Promise<void> {
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
  const sign = ["-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
  await Deno.writeTextFile(
    temp.join("ext"),
    "subjectAltName=DNS:localhost,DNS:registry.test,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
  );
  for (const name of ["leaf", "client"]) {
    const [pem, csr] = [`${name}.pem`, `${name}.csr`];
    await openssl("req", ...key, "-keyout", `${name}.key`, "-out", csr, "-subj", "/CN=localhost");
    await openssl("x509", ...sign, "-in", csr, "-out", pem, "-extfile", "ext");
  }
  const secret = await Deno.readTextFile(temp.join("client.key"));
  await Deno.writeTextFile(temp.join("client.pem"), secret, { append: true });
}
