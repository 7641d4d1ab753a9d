/** Options of Docker, podman, skopeo, crane and umoci that are none of varve, each with what to do instead. */

const QUIET = "--quiet, before or after the verb";
const NO_DAEMON =
  "varve has no daemon: 'varve run' ends with its container; end the line with & to go on meanwhile";
const PORTS = "a container uses the network of the host, so its ports are those of the host";
const FIXED = "a container has Docker's default capabilities and devices; other runtimes give more";
const LIMITS =
  "varve sets no limits but those of ulimit(1): change the cgroup of the container (/proc/PID/cgroup, 'varve ps' lists the PID)";
const NAMES_FILE = "mount a file of your own, such as -v ./hosts:/etc/hosts:ro";
const CREDENTIALS =
  "varve login REGISTRY; DOCKER_CONFIG or REGISTRY_AUTH_FILE name the file with credentials";
const TLS = "--plain-http for http, certificates are in hosts.toml files: varve help registries";
const CHANGES = "give --cmd, --entrypoint, --env, --label, --user and --workdir";

/** For each verb its options, with a space between; `*` is for all other verbs. The first that matches counts. */
const HINTS: Readonly<Record<string, readonly (readonly [options: string, hint: string])[]>> = {
  "run": [
    ["-d --detach", NO_DAEMON],
    ["--restart", NO_DAEMON],
    ["-a --attach --sig-proxy --detach-keys", "'varve run' is always attached to its container"],
    ["-p --publish -P --publish-all --expose", PORTS],
    ["--net", "--network host or none"],
    ["--mount", "-v SRC:DST[:ro] for a bind mount, --tmpfs DIR[:OPTIONS] for one in memory"],
    ["--volumes-from", "-v SRC:DST[:ro], once for each volume"],
    ["--shm-size", "--tmpfs /dev/shm:size=SIZE"],
    ["--privileged --cap-add --cap-drop --security-opt --device --gpus", FIXED],
    [
      "-m --memory --memory-swap --cpus -c --cpu-shares --cpuset-cpus --pids-limit --ulimit --blkio-weight",
      LIMITS,
    ],
    ["--add-host --dns --dns-search --dns-option", NAMES_FILE],
    ["--pull", "varve pull REF"],
    [
      "-l --label --label-file",
      "'varve mutate' gives labels to an image; a container has its --name",
    ],
    ["--group-add", "--user USER:GROUP; all groups that the image gives to USER are taken"],
    ["--cidfile", "--name KEY names the container"],
    [
      "--userns --pid --ipc --uts --cgroupns",
      "a container has namespaces of its own; 'nsenter' enters them",
    ],
    ["--log-driver --log-opt", "varve keeps no output: redirect that of 'varve run'"],
    [
      "--stop-signal",
      "the container gets each signal that 'varve run' gets; 'varve mutate' changes the image",
    ],
    ["--health-cmd --no-healthcheck", "varve runs no health checks"],
  ],
  "start": [["-d --detach", NO_DAEMON]],
  "ps": [
    ["-f --filter", "varve ps --format '{{.key}} {{.status}}' | grep WORD"],
    ["-n --last -l --latest", "'varve ps' lists all containers"],
    ["-s --size", "varve df -v"],
  ],
  "images": [["--no-heading -n --noheading", "varve images --format '{{.name}}'"]],
  "load": [["-i --input", "varve load FILE, or - for standard input"]],
  "import": [["-c --change", CHANGES], ["-m --message", "'varve commit' takes a message"]],
  "commit": [["-p --pause", "a running container is always paused, unless --no-pause is given"]],
  "inspect": [
    ["-f", "--format"],
    ["--raw", "'varve manifest REF' prints the manifest of a registry byte by byte"],
    ["--config", "varve inspect --format '{{.config}}' REF"],
    ["--type -t", "'varve inspect' is for images, 'varve snapshot stat' for containers"],
    ["-s --size", "varve layers REF"],
  ],
  "history": [["-H --human", "sizes are for people, unless --format json is given"]],
  "pull": [["-a --all-tags", "varve copy --all-tags REPOSITORY store:REPOSITORY"]],
  "push": [["-a --all-tags", "varve copy --all-tags store:REPOSITORY REPOSITORY"]],
  "save": [["--multi-image-archive -m", "varve save REF… -o FILE"]],
  "login": [
    [
      "-p --password",
      'printf %s "$PASSWORD" | varve login --username NAME --password-stdin REGISTRY',
    ],
  ],
  "copy": [
    ["-a --all --multi-arch", "an index is copied whole, unless --platform is given"],
    ["--override-os --override-arch --override-variant", "--platform OS/ARCH"],
    ["--preserve-digests", "digests always stay the same"],
    ["--dest-compress-format --dest-compress-level", "--compression and --compression-level"],
  ],
  "unpack": [
    ["--image", "varve load oci:DIR:TAG, then varve unpack REF DIR"],
    ["--rootless --uid-map --gid-map", "who is not root owns all files; nothing is to be given"],
  ],
  "append": [["-f --new_layer -b --base -t --new_tag", "varve append BASE LAYER.tar NEW"]],
  "rebase": [["--original --old_base --new_base -t --tag", "varve rebase REF OLDBASE NEWBASE NEW"]],
  "mutate": [["-t --tag -o --output", "varve mutate REF NEW"], ["-e", "--env"], ["-l", "--label"]],
  "squash": [["-t --tag", "varve squash REF NEW"]],
  "*": [
    ["-q --quiet", QUIET],
    ["--authfile --creds --src-creds --dest-creds --username --password", CREDENTIALS],
    [
      "--tls-verify --src-tls-verify --dest-tls-verify --insecure --insecure-policy --cert-dir",
      TLS,
    ],
  ],
};

/**
 * What to do in place of an option of a peer.
 *
 * @param option as it was given: `--memory=1g`, `-dit`
 * @returns `undefined` when no peer has such an option
 */
export function optionHint(verb: string, option: string): string | undefined {
  const name = option.startsWith("--") ? option.split("=", 1)[0] as string : option.slice(0, 2);
  const own = Object.hasOwn(HINTS, verb) ? HINTS[verb] : undefined;
  for (const [options, hint] of [...own ?? [], ...HINTS["*"] ?? []]) {
    if (options.split(" ").includes(name)) return hint;
  }
  return undefined;
}
