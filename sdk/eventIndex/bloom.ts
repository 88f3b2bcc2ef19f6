import { getBytes, keccak256 } from "ethers";

/**
 * Bits of a block's bloom filter: whatever a log names as its contract or topic sets three of them. A block without these bits
 * has no such log; one with them probably has.
 */
export type BloomBits = readonly (readonly [byte: number, mask: number])[];

/** Where an address or a topic shows in a bloom filter. */
export function bloomBitsOf(value: string): BloomBits {
  const hash = getBytes(keccak256(value));
  return [0, 2, 4].map((at) => {
    const bit = (((hash[at] ?? 0) << 8) | (hash[at + 1] ?? 0)) & 2047;
    return [255 - (bit >> 3), 1 << (bit & 7)] as const;
  });
}

/** Whether a bloom filter, in hexadecimal, may hold what has these bits. */
export function mayHold(bloom: string, bits: BloomBits): boolean {
  return bits.every(([byte, mask]) => {
    const digits = bloom.slice(2 + 2 * byte, 4 + 2 * byte);
    return (Number.parseInt(digits, 16) & mask) !== 0;
  });
}
