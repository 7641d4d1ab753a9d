/** Words of Docker and podman that are no verbs of varve, each with what to do instead. */

const IMAGES = "'varve images' lists images";
const REMOVE = "varve rmi REF removes an image, varve snapshot rm KEY a container that has ended";
const NO_DAEMON = "varve has no daemon: a container ends with its 'varve run'";

const WORDS: Readonly<Record<string, string>> = {
  "rm": REMOVE,
  "container rm": "varve snapshot rm KEY removes a container that has ended",
  "exec": "'varve ps' lists the PID of a container: nsenter -t PID -a COMMAND",
  "kill": "'varve ps' lists the PID of a container: kill PID",
  "stop": "'varve ps' lists the PID of a container: kill PID",
  "restart": "varve start KEY runs a container that has ended again",
  "container start": "varve start KEY",
  "create":
    "varve run --name KEY REF makes and runs a container, varve snapshot prepare KEY REF only its files",
  "attach": NO_DAEMON,
  "wait": NO_DAEMON,
  "logs": "varve keeps no output: 'varve run' prints it",
  "top": "'varve ps' lists the PID of a container: ps --ppid PID",
  "stats": "'varve ps' lists containers with their PIDs",
  "pause": "'varve commit' and 'varve export' pause a running container by themselves",
  "unpause": "'varve commit' and 'varve export' pause a running container by themselves",
  "port": "a container uses the network of the host: varve run --network host",
  "rename": "varve tag REF NEW gives an image another name; a container keeps its KEY",
  "update": "set limits where varve is started, for example with systemd-run",
  "container cp": "varve cp KEY:/PATH DESTINATION",
  "system prune": "varve prune all",
  "image prune": "varve prune images",
  "container prune": "varve prune containers",
  "builder prune": "varve keeps no build cache",
  "system df": "varve df",
  "system info": "'varve doctor' shows what this machine can do",
  "info": "'varve doctor' shows what this machine can do",
  "image ls": IMAGES,
  "image list": IMAGES,
  "image rm": "varve rmi REF",
  "image inspect": "varve inspect REF",
  "image history": "varve history REF",
  "image load": "varve load SOURCE",
  "image save": "varve save REF",
  "image pull": "varve pull REF",
  "image push": "varve push REF",
  "image tag": "varve tag REF NEW",
  "image import": "varve import SOURCE REF",
  "image build": "varve import and varve append make images; Dockerfiles are not read",
  "image": IMAGES,
  "container ls": "'varve ps' lists containers",
  "container ps": "'varve ps' lists containers",
  "container list": "'varve ps' lists containers",
  "container run": "varve run REF",
  "container commit": "varve commit KEY REF",
  "container export": "varve export KEY",
  "container diff": "varve diff KEY",
  "container inspect": "varve snapshot stat KEY",
  "container": "'varve ps' lists containers",
  "build": "varve import and varve append make images; Dockerfiles are not read",
  "buildx imagetools": "varve index create DESTINATION REF…",
  "manifest create": "varve index create DESTINATION REF…",
  "manifest add": "varve index add INDEX REF…",
  "manifest annotate": "varve index add INDEX REF --desc-platform PLATFORM",
  "manifest remove": "varve index rm INDEX DIGEST",
  "manifest inspect":
    "varve index ls REF for an index of the store, varve manifest REF for one of a registry",
  "manifest push": "varve push REF",
  "manifest rm": "varve rmi REF",
  "buildx": "varve import and varve append make images; Dockerfiles are not read",
  "builder": "varve import and varve append make images; Dockerfiles are not read",
  "search": "varve tags REPOSITORY lists the tags of a repository",
  "volume": "varve run -v DIR:/PATH REF mounts a directory",
  "network": "varve run --network host or none chooses the network",
  "compose": "varve runs one container at a time: varve run REF",
  "context": "--root DIR chooses the store",
  "events": NO_DAEMON,
  "system": "'varve doctor' shows what this machine can do",
  "unmount": "varve umount DIR",
  "list": IMAGES,
  "remove": REMOVE,
  "extract": "varve unpack REF DIR",
};

/** What to do in place of a command of Docker; `undefined` when the words are no such command. */
export function dockerHint([first = "", second = ""]: readonly string[]): string | undefined {
  for (const words of [`${first} ${second}`, first]) {
    if (Object.hasOwn(WORDS, words)) return WORDS[words];
  }
  return undefined;
}
