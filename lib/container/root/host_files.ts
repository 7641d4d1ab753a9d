/** Files of the host that a container sees in its `/etc`. They are bind mounts and do not belong to the root. */
import { type ByteString, fromText } from "../../bytes/mod.ts";

/** Usual paths of these files in a container. */
export const HOST_FILES: readonly ByteString[] = [
  fromText("/etc/resolv.conf"),
  fromText("/etc/hosts"),
  fromText("/etc/hostname"),
];

/** Lines of `/etc/hosts` for loopback, IPv4 and IPv6. */
const LOOPBACK = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** Writes the files into a directory. @returns a map from the usual path in the container to the path of the file */
export async function writeHostFiles(
  directory: string,
  machine: { readonly hostname: string; readonly network: "host" | "none" },
): Promise<ReadonlyMap<string, string>> {
  const { hostname, network } = machine;
  const host = network === "host";
  const hosts = host ? await readHost("/etc/hosts") : `${LOOPBACK}127.0.1.1\t${hostname}\n`;
  const contents: Readonly<Record<string, string>> = {
    "/etc/resolv.conf": host ? await readHost("/etc/resolv.conf") : "",
    "/etc/hosts": hosts === "" ? LOOPBACK : hosts,
    "/etc/hostname": `${hostname}\n`,
  };
  const out = new Map<string, string>();
  for (const [path, text] of Object.entries(contents)) {
    const file = `${directory}/${path.slice(5)}`;
    await Deno.writeTextFile(file, text);
    await Deno.chmod(file, 0o644);
    out.set(path, file);
  }
  return out;
}

async function readHost(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
