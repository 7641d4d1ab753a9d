import { assertEquals } from "@std/assert";
import { runHelper } from "../../../../lib/registry/auth/credential_helper.ts";
import {
  findCredential,
  readCredentialsFile,
} from "../../../../lib/registry/auth/docker_config.ts";
import type { Credential } from "../../../../lib/registry/mod.ts";
import { codeOf } from "../../../support/code_of.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { DEADLINE, waitUntil } from "../../../support/machine/wait.ts";

async function find(
  json: unknown,
  registry: string,
  repository?: string,
  path = "",
): Promise<Credential | undefined> {
  await using temp = await tempDir();
  const file = temp.join("config.json");
  await Deno.writeTextFile(file, typeof json === "string" ? json : JSON.stringify(json));
  const read = await readCredentialsFile(file);
  return read && await findCredential(read, { registry, repository, path });
}

const auth = (text: string) => ({ auth: btoa(text) });
const basic = (username: string, password: string): Credential => ({
  kind: "basic",
  username,
  password,
});

Deno.test("H25 credentials: keys of all forms, each for its own registry only", async () => {
  const auths = {
    "https://index.docker.io/v1/": auth("hub:a:b"),
    "https://r.example/v2/": auth("r:1"),
    "localhost:5000": auth("local:2"),
    "p.example/team": auth("team:3"),
    "p.example": auth("all:4"),
    "i.example": { identitytoken: "IDENTITY", auth: btoa("<token>:x") },
    "t.example": { registrytoken: "TOKEN" },
    "o.example": auth("<token>:REFRESH"),
    "bad.example": { auth: "***" },
    "empty.example": {},
  };
  assertEquals(await find({ auths }, "docker.io"), basic("hub", "a:b"));
  assertEquals(await find({ auths }, "r.example"), basic("r", "1"));
  assertEquals(await find({ auths }, "localhost:5000"), basic("local", "2"));
  assertEquals(await find({ auths }, "p.example", "team/app"), basic("team", "3"));
  assertEquals(await find({ auths }, "p.example", "teams/app"), basic("all", "4"));
  assertEquals(await find({ auths }, "i.example"), { kind: "refresh", token: "IDENTITY" });
  assertEquals(await find({ auths }, "o.example"), { kind: "refresh", token: "REFRESH" });
  assertEquals(await find({ auths }, "t.example"), { kind: "bearer", token: "TOKEN" });
  for (
    const none of [
      "localhost",
      "localhost:50",
      "example",
      "xr.example",
      "bad.example",
      "empty.example",
      "index.docker.io.evil.example",
    ]
  ) {
    assertEquals(await find({ auths }, none), undefined, none);
  }
});

Deno.test("H25 credentials: a malformed file is refused, and the error holds nothing of it", async () => {
  for (const text of ["{", "[]", '{"auths":1,"auths":2}']) {
    assertEquals(await codeOf(() => find(text, "r.example")), "E_FORMAT", text);
  }
  assertEquals(await find("", "r.example"), undefined);
  assertEquals(await find({ auths: [] }, "r.example"), undefined);
  assertEquals(await readCredentialsFile("/nonexistent/config.json"), undefined);
});

/** The credential from a helper with this script, or the code of its error. `limit` is its time limit in ms. */
async function helper(
  script: string,
  limit = DEADLINE,
): Promise<string | Credential | undefined> {
  await using temp = await tempDir();
  await Deno.writeTextFile(temp.join("docker-credential-x"), `#!/bin/sh\n${script}\n`, {
    mode: 0o755,
  });
  const path = `/usr/bin:${temp.path}`;
  let found: Credential | undefined;
  const code = await codeOf(async () => {
    const variables = { HTTPS_PROXY: "http://proxy.example" };
    found = await runHelper("x", "get", "r.example", { path, variables, timeLimit: limit });
  });
  return code === "ok" ? found : code;
}

Deno.test("H25 helpers: their answers, and the answer that means none", async () => {
  const says = (json: unknown) =>
    `read server; test "$server" = r.example && test "$1" = get && echo '${JSON.stringify(json)}'`;
  assertEquals(await helper(says({ Username: "u", Secret: "s" })), basic("u", "s"));
  assertEquals(await helper(says({ Username: "<token>", Secret: "s" })), {
    kind: "refresh",
    token: "s",
  });
  const proxy = `echo '{"Username":"u","Secret":"'$HTTPS_PROXY'"}'`;
  assertEquals(await helper(proxy), basic("u", "http://proxy.example"));
  assertEquals(await helper("echo 'credentials not found in native keychain'; exit 1"), undefined);
});

Deno.test("H25 helpers: garbage, too long an answer, a failure and a hang are errors, and grandchildren are killed", async () => {
  assertEquals(await helper("echo garbage"), "E_PRECONDITION");
  assertEquals(await helper("echo '{}'"), "E_PRECONDITION");
  assertEquals(await helper("exit 3"), "E_PRECONDITION");
  assertEquals(await helper("cat /dev/zero"), "E_PRECONDITION");
  // A name that no other process has. The helper's output ends only when its child does.
  const name = crypto.randomUUID();
  const script = `sh -c 'sleep 600; exit' ${name} >/dev/null & exec sleep 600`;
  assertEquals(await helper(script, 200), "E_PRECONDITION");
  await waitUntil("the end of the grandchild", () => !isRunning(name));
});

Deno.test({
  name: "H25 helpers: a helper that leaves a process behind, with its output open, does not hang",
  ...needs({ tools: ["setsid"] }),
  async fn() {
    await using temp = await tempDir();
    const pid = temp.join("pid");
    // A process in a session of its own is not in the group that is killed.
    const script = `setsid sh -c 'echo $$ >${pid}; exec sleep 600' & exit 0`;
    try {
      assertEquals(await helper(script, 1000), "E_PRECONDITION");
    } finally {
      const left = await Deno.readTextFile(pid).catch(() => "");
      if (left !== "") Deno.kill(Number(left), "SIGKILL");
    }
  },
});

/** Whether a process with this argument is running. */
function isRunning(argument: string): boolean {
  return [...Deno.readDirSync("/proc")].some(({ name }) => {
    try {
      return /^[0-9]+$/.test(name) &&
        Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(argument);
    } catch {
      // It has ended.
      return false;
    }
  });
}

Deno.test("H25 helpers: a name that is a path, and a helper that is missing", async () => {
  for (const name of ["../../evil", "a b", "", "-x", "A"]) {
    assertEquals(
      await codeOf(() => runHelper(name, "get", "r", { path: "/usr/bin" })),
      "E_USAGE",
      name,
    );
  }
  assertEquals(
    await codeOf(() => runHelper("none", "get", "r", { path: "/usr/bin" })),
    "E_PRECONDITION",
  );
  // A relative directory is skipped, and there is no credential.
  const config = { credHelpers: { "r.example": "none" }, auths: { "r.example": auth("a:b") } };
  assertEquals(await find(config, "r.example", undefined, ".:/usr/bin"), undefined);
  assertEquals(await find(config, "q.example", undefined, ".:/usr/bin"), undefined);
});
