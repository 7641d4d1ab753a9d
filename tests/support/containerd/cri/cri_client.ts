/** Kubernetes' calls to a containerd, as a kubelet makes them. */
import { createGrpcClient, type GrpcClient } from "../../../../lib/containerd/grpc/grpc_client.ts";
import {
  type ExecSyncResponse,
  type FilesystemUsage,
  ImageService,
  NamespaceMode,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
  RuntimeService,
} from "./generated/cri_pb.ts";
import { create } from "@bufbuild/protobuf";

/** How a command in a container ended. */
export interface Executed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A pod that runs. */
export interface Pod {
  readonly id: string;
  readonly config: PodSandboxConfig;
}

/** A container of a pod. */
export interface ContainerWanted {
  readonly name: string;
  /** Name of an image that was pulled. */
  readonly image: string;
  readonly command: readonly string[];
}

/** Where the containers of a pod are: in the namespaces of the machine, so that no network has to be made. */
const NODE = { network: NamespaceMode.NODE, pid: NamespaceMode.POD, ipc: NamespaceMode.NODE };

/** A client. Dispose it to end its connection. */
export class CriClient implements Disposable {
  readonly #client: GrpcClient;

  private constructor(client: GrpcClient) {
    this.#client = client;
  }

  /** Makes a client for containerd's own socket. */
  static async connect(socket: string): Promise<CriClient> {
    return new CriClient(await createGrpcClient(socket));
  }

  /** Pulls an image. Gives its ID. */
  async pull(image: string): Promise<string> {
    const request = { image: { image } };
    return (await this.#client.unary(ImageService.method.pullImage, request)).imageRef;
  }

  /** Names of all images. */
  async images(): Promise<string[]> {
    const { images } = await this.#client.unary(ImageService.method.listImages, {});
    return images.flatMap(({ repoTags }) => repoTags).sort();
  }

  /** Removes an image. */
  async removeImage(image: string): Promise<void> {
    await this.#client.unary(ImageService.method.removeImage, { image: { image } });
  }

  /** What images take on their file systems. */
  async imageFileSystems(): Promise<FilesystemUsage[]> {
    return (await this.#client.unary(ImageService.method.imageFsInfo, {})).imageFilesystems;
  }

  /** Runs a pod: its sandbox. `logs` is a directory. */
  async runPod(name: string, logs: string): Promise<Pod> {
    const config = create(PodSandboxConfigSchema, {
      metadata: { name, uid: `uid-${name}`, namespace: "default", attempt: 0 },
      logDirectory: logs,
      linux: { securityContext: { namespaceOptions: NODE } },
    });
    const { podSandboxId: id } = await this.#client.unary(RuntimeService.method.runPodSandbox, {
      config,
    });
    return { id, config };
  }

  /** Stops and removes a pod with its containers. */
  async removePod({ id: podSandboxId }: Pod): Promise<void> {
    await this.#client.unary(RuntimeService.method.stopPodSandbox, { podSandboxId });
    await this.#client.unary(RuntimeService.method.removePodSandbox, { podSandboxId });
  }

  /** Creates and starts a container. Gives its ID. */
  async start(pod: Pod, { name, image, command }: ContainerWanted): Promise<string> {
    const { containerId } = await this.#client.unary(RuntimeService.method.createContainer, {
      podSandboxId: pod.id,
      sandboxConfig: pod.config,
      config: {
        metadata: { name },
        image: { image },
        command: [...command],
        logPath: `${name}.log`,
        linux: { securityContext: { namespaceOptions: NODE } },
      },
    });
    await this.#client.unary(RuntimeService.method.startContainer, { containerId });
    return containerId;
  }

  /** Runs a command in a container. */
  async exec(containerId: string, cmd: readonly string[]): Promise<Executed> {
    const { stdout, stderr, exitCode }: ExecSyncResponse = await this.#client.unary(
      RuntimeService.method.execSync,
      { containerId, cmd: [...cmd], timeout: 60n },
    );
    const decoder = new TextDecoder();
    return { code: exitCode, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** What a container has written, as CRI knows it: it asks from time to time. */
  async written(containerId: string): Promise<FilesystemUsage | undefined> {
    const { stats } = await this.#client.unary(RuntimeService.method.containerStats, {
      containerId,
    });
    return stats?.writableLayer;
  }

  /** Stops and removes a container. */
  async remove(containerId: string): Promise<void> {
    await this.#client.unary(RuntimeService.method.stopContainer, { containerId, timeout: 0n });
    await this.#client.unary(RuntimeService.method.removeContainer, { containerId });
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}
