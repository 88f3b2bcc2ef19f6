import { getBytes, isHexString } from "ethers";
import { z } from "zod";
import type { SignedOrder } from "../../../sdk/index.js";

/** Whole numbers: decimal text, or a JSON number where that is exact. */
const whole = z
  .union([z.string().regex(/^-?\d{1,78}$/), z.int()])
  .transform((value) => BigInt(value));

function unsigned(bits: number) {
  return whole.refine((value) => value >= 0n && value < 1n << BigInt(bits), {
    error: `not a whole number from 0 to 2^${bits} - 1`,
  });
}

function signed(bits: number) {
  const bound = 1n << BigInt(bits - 1);
  return whole.refine((value) => value >= -bound && value < bound, {
    error: `not a whole number of ${bits} bits`,
  });
}

/** 32 bytes, in lower case: how events and the index write them. */
const word = z
  .string()
  .refine((text) => isHexString(text, 32), "not 32 bytes in hexadecimal")
  .transform((text) => text.toLowerCase());

/** A wallet's own format may be long; what is longer would only burn gas. */
const MOST_SIGNATURE_BYTES = 2_048;

const signature = z
  .string()
  .refine(
    (text) =>
      isHexString(text) && text.length % 2 === 0 && text.length <= 2 + 2 * MOST_SIGNATURE_BYTES,
    `not up to ${MOST_SIGNATURE_BYTES} bytes in hexadecimal`,
  );

/** A `SignedOrder` of the SDK as JSON: its fields by their names, whole numbers as decimal text. */
export const signedOrderSchema = z.strictObject({
  order: z.strictObject({
    account: word,
    instrument: unsigned(256),
    size: signed(128),
    limitPrice: unsigned(128),
    triggerPrice: unsigned(128),
    maxFee: unsigned(64),
    expiry: unsigned(40),
    flags: unsigned(8),
    nonce: unsigned(64),
    builder: word,
  }),
  signature,
});

/** The same as text, as the database keeps it. */
export function signedOrderText({ order, signature: signed }: SignedOrder): string {
  const fields = Object.entries(order).map(([name, value]) => [name, String(value)]);
  return JSON.stringify({ order: Object.fromEntries(fields) as unknown, signature: signed });
}

/** What {@link signedOrderText} wrote. */
export function signedOrderFrom(text: string): SignedOrder {
  return signedOrderSchema.parse(JSON.parse(text));
}

/** Whether a signature is one of a key: 65 bytes, as the contract takes them. */
export function isKeySignature(text: string): boolean {
  return getBytes(text).length === 65;
}
