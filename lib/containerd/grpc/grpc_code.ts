/** gRPC's status codes that varve sends or reads. */
export const GRPC = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
} as const;

/** Names of the codes as Go and containerd's logs write them, such as `NotFound`. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(GRPC).map(([name, code]) => [code, name === "OK" ? name : inWords(name)]),
);

function inWords(name: string): string {
  return name.split("_").map((word) => `${word[0]}${word.slice(1).toLowerCase()}`).join("");
}

/** Name of a code. */
export function codeName(code: number): string {
  return NAMES.get(code) ?? String(code);
}
