// Stand-in for `@std/assert` over the npm build of the same code: see tests/std/README.md.
import * as std from "npm:deno-std@1.4.0/assert/mod.js";

/** A constructor of any error. */
// deno-lint-ignore no-explicit-any
type AnyConstructor<T> = new (...args: any[]) => T;

export const assert: (expr: unknown, msg?: string) => asserts expr = std.assert;
export const assertEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertEquals;
export const assertNotEquals: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = std.assertNotEquals;
export const assertStrictEquals: <T>(
  actual: unknown,
  expected: T,
  msg?: string,
) => asserts actual is T = std.assertStrictEquals;
export const assertExists: <T>(
  actual: T,
  msg?: string,
) => asserts actual is NonNullable<T> = std.assertExists;
export const assertFalse: (expr: unknown, msg?: string) => void = std.assertFalse;
export const assertMatch: (
  actual: string,
  expected: RegExp,
  msg?: string,
) => void = std.assertMatch;
export const assertNotMatch: (
  actual: string,
  expected: RegExp,
  msg?: string,
) => void = std.assertNotMatch;
export const assertStringIncludes: (
  actual: string,
  expected: string,
  msg?: string,
) => void = std.assertStringIncludes;
export const assertInstanceOf: <T>(
  actual: unknown,
  expectedType: AnyConstructor<T>,
  msg?: string,
) => asserts actual is T = std.assertInstanceOf;
export const assertGreaterOrEqual: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = std.assertGreaterOrEqual;
export const assertLessOrEqual: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = std.assertLessOrEqual;
export const assertThrows: <E extends Error = Error>(
  fn: () => unknown,
  ErrorClass?: AnyConstructor<E>,
  msgIncludes?: string,
  msg?: string,
) => E = std.assertThrows as never;
export const assertRejects: <E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass?: AnyConstructor<E>,
  msgIncludes?: string,
  msg?: string,
) => Promise<E> = std.assertRejects as never;
export const assertGreater: <T>(actual: T, expected: T, msg?: string) => void = std.assertGreater;
export const assertLess: <T>(actual: T, expected: T, msg?: string) => void = std.assertLess;
export const assertAlmostEquals: (
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
) => void = std.assertAlmostEquals;
export const assertArrayIncludes: <T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  msg?: string,
) => void = std.assertArrayIncludes;
export const assertObjectMatch: (
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
) => void = std.assertObjectMatch;
export const assertNotStrictEquals: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = std.assertNotStrictEquals;
export const assertNotInstanceOf: <A, T>(
  actual: A,
  unexpectedType: AnyConstructor<T>,
  msg?: string,
) => asserts actual is Exclude<A, T> = std.assertNotInstanceOf;
export const equal: (a: unknown, b: unknown) => boolean = std.equal;
export const fail: (msg?: string) => never = std.fail;
export const unreachable: (reason?: string) => never = std.unreachable;
export const AssertionError: new (
  message: string,
  options?: ErrorOptions,
) => Error = std.AssertionError;
