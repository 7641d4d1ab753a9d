import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { loadClientConfig } from "../../../../lib/registry/mod.ts";
import { runCommand } from "../../../support/cli/in_process.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

async function messageOf(caFile: string): Promise<[string, string]> {
  const loading = () => loadClientConfig("registry.example", undefined, { caFile });
  const { code, message } = await assertRejects(loading, VarveError);
  return [code, message];
}

Deno.test("a chosen file of certificates must be there and hold one", async () => {
  await using temp = await tempDir("varve-ca-");
  const [none, empty, good, long] = ["none", "empty", "good", "long"].map((name) =>
    temp.join(name)
  ) as [string, string, string, string];
  await Deno.writeTextFile(empty, "nothing\n");
  await Deno.writeTextFile(good, PEM);
  await Deno.writeTextFile(long, PEM);
  await Deno.truncate(long, 17 * 2 ** 20);
  const cannot = (path: string, state: string) => `Cannot read certificates from ${path}: ${state}`;
  for (const path of [none, `${good}/below`]) {
    assertEquals(await messageOf(path), ["E_NOT_FOUND", cannot(path, "there is no such file")]);
  }
  assertEquals(await messageOf(empty), ["E_FORMAT", cannot(empty, "it holds no PEM certificate")]);
  assertEquals((await messageOf(long))[0], "E_LIMIT");
  assertEquals((await messageOf(temp.path))[0], "E_DENIED");
  const { caCerts } = await loadClientConfig("registry.example", undefined, { caFile: good });
  assertEquals(caCerts, [PEM]);
  // Plain http needs no certificates.
  assertEquals((await loadClientConfig("localhost:5000", undefined, { caFile: none })).caCerts, []);
});

Deno.test("the command names a file of SSL_CERT_FILE that is missing, before it asks a registry", async () => {
  await using temp = await tempDir("varve-ca-");
  const none = temp.join("none.pem");
  const env = { HOME: temp.path, SSL_CERT_FILE: none, VARVE_ROOT: temp.join("store") };
  for (const args of [["tags", "registry.invalid/app"], ["pull", "registry.invalid/app:1"]]) {
    const { code, stderr } = await runCommand(args, { env });
    assertEquals(code, 4);
    assertEquals(
      stderr,
      `varve: Cannot read certificates from ${none}: there is no such file (check the variable SSL_CERT_FILE)\n`,
    );
  }
});
